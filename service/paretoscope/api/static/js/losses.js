// What became of the stream's frames, by reason: received, missing, dropped, refused, sent twice, written too late.

import { DROPS, plural } from "./format.js";

/** How many never became a result. */
export function lostOf(told) {
  return told.missing + told.dropped + Object.values(told.failed_by_code).reduce((sum, count) => sum + count, 0);
}

/** [[what, how many, meaning, whether it is a loss]] of a tally, those that never happened left out. */
function rowsOf(told) {
  const rows = [
    ["received", told.received, "acknowledged: they are kept until they are worked", false],
    ["analysed", told.done, "they have a result", false],
    ["waiting", told.waiting, "queued or being worked on", false],
    ["late", told.late, "the result came after its deadline", false],
    ["missing", told.missing, `the instrument took them, and they never arrived: ${plural(told.gaps, "gap")} in the numbering`, true],
  ];
  for (const [reason, count] of Object.entries(told.dropped_by_reason)) {
    rows.push([`dropped: ${DROPS[reason] ?? reason}`, count, `by the stream's own setting (${reason})`, true]);
  }
  for (const [code, count] of Object.entries(told.failed_by_code)) {
    rows.push([`refused or failed: ${code}`, count, "a message that was no frame, or a frame that could not be worked", true]);
  }
  rows.push(
    ["told to wait", told.busy, "too many frames waited: the sender keeps the frame and sends it again", false],
    ["held by a pause", told.held, "the sender keeps the frame until the stream is resumed", false],
    ["came twice", told.duplicates, "sent again although it had arrived; kept once", false],
    ["written too late", told.fenced, "by a worker that had lost the frame to another; refused, the result is there once", false],
  );
  return rows.filter(([what, count]) => count > 0 || what === "received" || what === "missing");
}

export function showLosses({ table, button, told, policyWords }) {
  const lost = lostOf(told);
  button.hidden = false;
  button.dataset.lost = lost > 0 ? "yes" : "no";
  button.textContent = [policyWords, lost ? `${lost} lost` : "nothing lost"].filter(Boolean).join(" · ");
  table.replaceChildren(...rowsOf(told).map(([what, count, meaning, loss]) => {
    const row = document.createElement("tr");
    row.dataset.counted = what;
    row.toggleAttribute("data-loss", loss && count > 0);
    const name = Object.assign(document.createElement("th"), { scope: "row", textContent: what });
    row.append(name, Object.assign(document.createElement("td"), { className: "mono", textContent: String(count) }),
      Object.assign(document.createElement("td"), { className: "quiet", textContent: meaning }));
    return row;
  }));
}
