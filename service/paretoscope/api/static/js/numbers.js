// The result in numbers, fit for control or why not; a point of the front and an atom in words.

import { COLUMN_WORDS } from "./colouring.js";
import { params, plural, reward } from "./format.js";

/** The guard's reasons in an operator's words; one that is not here goes by its code. */
const REASONS = {
  simulated: "the image is simulated", "sequence-gap": "a frame before it is missing", "wrong-detector": "another detector than agreed",
  "deadline-missed": "it came after its deadline", "nothing-found": "no atoms were found", "no-front": "there is no front",
  "not-ordered": "the sample shows no order to count by", "er-too-high": "too many atoms lie too close", stale: "it is old",
  drifted: "the sample drifted or changed", blanked: "the beam was blanked",
};

export function showNumbers({ list, guardLine }, view) {
  const expected = view.n_expected?.value;
  const rows = [
    ["atoms", view.atoms ?? "–", null],
    ["QC", reward(view.qc), null],
    ["ER", reward(view.er), null],
    ["found / expected", view.n_found ?? "–", expected === undefined ? " / –" : ` / ${Math.round(expected)}`],
  ];
  list.replaceChildren(...rows.map(([name, value, more]) => {
    const group = document.createElement("div");
    const [term, said] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    said.textContent = String(value);
    if (more) said.append(Object.assign(document.createElement("small"), { textContent: more }));
    said.dataset.number = name;
    group.append(term, said);
    return group;
  }));
  const { guard } = view;
  guardLine.dataset.fit = guard?.fit_for_control ? "yes" : "no";
  guardLine.textContent = !guard ? "" : guard.fit_for_control
    ? "✓ Fit for control"
    : `⚠ Not for control: ${guard.reasons.map((one) => REASONS[one] ?? one).join(", ") || "no reason given"}`;
  guardLine.title = guard?.reasons.join(", ") ?? "";
}

/** The line under the front: the chosen point's rewards and parameters, or those of point `index`. */
export function pointWords(front, view, index) {
  const point = front?.points[index ?? front.chosen ?? -1];
  if (!point) return "\u00a0";
  const own = index === null || index === undefined;
  const name = own ? "chosen" : `point ${index + 1}`;
  const kept = point.dominated ? "   kept though beaten" : "";
  return `${name}   QC ${reward(point.qc)}   ER ${reward(point.er)}   ${plural(point.n_found, "atom")}${kept}\n` +
    params(own && view?.params ? view.params : point.params);
}

const UNITS = { _px: " px", _nm: " nm" };
const AREAS = ["vacuum", "lattice", "disordered"];

/** An atom's row: [[name, value]], every column there is. */
export function atomRow(columns, index, classNames) {
  const alone = ([name]) => !(name.endsWith("_nm") && name.replace(/_nm$/, "_px") in columns);
  return Object.entries(columns).filter(alone).map(([name, column]) => {
    const value = column[index];
    if (name === "class_id") return ["class", value >= 0 ? classNames.get(value) ?? `class ${value}` : "not classed"];
    if (name === "area_kind") return ["area", AREAS[value] ?? String(value)];
    const unit = Object.entries(UNITS).find(([ending]) => name.endsWith(ending));
    const words = (COLUMN_WORDS[name] ?? name).replace(/, px$| \(.*\)$/, "").replace(/_(px|nm)$/, "").replaceAll("_", " ");
    if (value === null || value === undefined) return [words, "–"];
    const nm = columns[name.replace(/_px$/, "_nm")]?.[index];
    const also = name.endsWith("_px") && typeof nm === "number" ? ` · ${nm.toFixed(4)} nm` : "";
    return [words, `${Number.isInteger(value) && !unit ? value : value.toFixed(3)}${unit?.[1] ?? ""}${also}`];
  });
}

/** The same in one line, the first few of it. */
export function atomWords(columns, index) {
  const fixed = (name, digits) => columns[name]?.[index]?.toFixed(digits) ?? "–";
  return `y ${fixed("y_px", 2)} px   x ${fixed("x_px", 2)} px   confidence ${fixed("confidence", 2)}`;
}
