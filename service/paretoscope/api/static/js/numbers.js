// The result in numbers: atoms, QC, ER, how many were expected and who says so, fit for control or why not.

import { params, plural, reward, source } from "./format.js";

export function showNumbers({ list, sourceLine, guardLine }, view) {
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
  sourceLine.textContent = sourceLine.title = source(view.n_expected);
  const { guard } = view;
  guardLine.dataset.fit = guard?.fit_for_control ? "yes" : "no";
  guardLine.textContent = !guard ? "" : guard.fit_for_control
    ? "✓ Fit for control"
    : `⚠ Not for control: ${guard.reasons.join(", ") || "no reason given"}`;
}

/** The line under the front: the chosen point's rewards and parameters, or those of point `index`. */
export function pointWords(front, view, index) {
  const point = front?.points[index ?? front.chosen ?? -1];
  if (!point) return "\u00a0";
  const own = index === null || index === undefined;
  const name = own ? "chosen" : `point ${index + 1}`;
  const kept = point.dominated ? "   kept though slightly beaten" : "";
  return `${name}   QC ${reward(point.qc)}   ER ${reward(point.er)}   ${plural(point.n_found, "atom")}${kept}\n` +
    params(own && view?.params ? view.params : point.params);
}

const ATOM_WORDS = { y_px: ["y", 2, " px"], x_px: ["x", 2, " px"], class_id: null, confidence: ["confidence", 2, ""],
  sigma_px: ["sigma", 2, " px"], score: ["response", 3, ""], y_error_px: ["y ±", 2, " px"], x_error_px: ["x ±", 2, " px"] };

/** An atom's row in words. */
export function atomWords(row) {
  if (!row) return "\u00a0";
  const parts = Object.entries(ATOM_WORDS).filter(([name]) => name in row).map(([name, form]) => {
    if (name === "class_id") return row.class_id >= 0 ? `class ${row.class_id}` : "not classed";
    return `${form[0]} ${row[name]?.toFixed(form[1]) ?? "–"}${form[2]}`;
  });
  return parts.join("   ");
}
