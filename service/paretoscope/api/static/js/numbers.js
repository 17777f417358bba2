// The result in numbers: atoms, QC, ER, how many were expected and who says so, fit for control or why not.

import { reward, source } from "./format.js";

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
