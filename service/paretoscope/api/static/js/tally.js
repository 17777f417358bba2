// What became of the session's frames: how many, late, dropped, missing or refused and why, and the dose so far.

import { plural } from "./format.js";

const REASONS = {
  "newer-frame": "dropped: a newer one came", backlog: "dropped: too many waited", missing: "missing before they reached us",
};

export class Tally {
  constructor(note) {
    this.note = note;
    this.clear();
  }

  clear() {
    this.frames = 0;
    this.late = 0;
    this.lost = new Map(); // reason in words -> count
    this.dose = null;
    this.draw();
  }

  /** What is known of the frames from before this page was opened. bars: of the time strip. */
  seed(bars) {
    for (const bar of bars) {
      if (bar.lost) this.lose(REASONS[bar.lost] ?? bar.lost);
      else this.frames += 1;
      if (!bar.lost && !bar.met) this.late += 1;
    }
    this.draw();
  }

  hear({ kind, data }) {
    if (kind === "result" && data.total_ms !== undefined) {
      this.frames += 1;
      if (!data.met) this.late += 1;
    } else if (kind === "fault") this.lose(`refused or failed: ${data.code}`);
    else if (kind === "drop") this.lose(REASONS[data.reason] ?? `dropped: ${data.reason ?? "no reason given"}`);
    else if (kind === "gap") this.lose(REASONS.missing, data.missing ?? data.count ?? 1);
    else return;
    this.draw();
  }

  lose(reason, count = 1) {
    this.lost.set(reason, (this.lost.get(reason) ?? 0) + count);
  }

  draw() {
    const told = [plural(this.frames, "frame"), `${this.late} late`];
    for (const [reason, count] of this.lost) told.push(`${count} ${reason}`);
    if (this.dose) told.push(this.dose);
    this.note.textContent = this.frames || this.lost.size ? told.join(" · ") : "";
    this.note.title = this.note.textContent;
  }
}
