// What the stream's frames add up to since it began: how many, late, dropped, missing or refused and why, the dose so far.

import { getJsonOrNull } from "./api.js";
import { DROPS, plural } from "./format.js";

const EVERY_MS = 1000;
const COUNTED = new Set(["frame", "result", "fault", "drop", "gap"]);
export class Tally {
  /** onTold(tally): the counts, each time they were asked for. */
  constructor(note, onTold) {
    Object.assign(this, { note, onTold, stream: null, timer: null, askedAt: -EVERY_MS, told: null });
  }

  open(stream) {
    Object.assign(this, { stream, told: null });
    this.note.textContent = "";
    return this.ask();
  }

  hear({ kind }) {
    if (!COUNTED.has(kind) || this.timer) return;
    const wait = Math.max(0, this.askedAt + EVERY_MS - performance.now());
    this.timer = setTimeout(() => this.ask(), wait);
  }

  async ask() {
    clearTimeout(this.timer);
    const { stream } = this;
    this.askedAt = performance.now();
    this.timer = null;
    const told = stream && await getJsonOrNull(`/v1/streams/${stream}/tally`).catch(() => null); // with the next event again
    if (told && stream === this.stream) this.show(told);
  }

  show(told) {
    const before = this.told;
    this.told = told;
    this.onTold(told, before);
    const parts = [plural(told.received, "frame"), `${told.late} late`];
    for (const [reason, count] of Object.entries(told.dropped_by_reason)) parts.push(`${count} dropped: ${DROPS[reason] ?? reason}`);
    for (const [code, count] of Object.entries(told.failed_by_code)) parts.push(`${count} refused or failed: ${code}`);
    if (told.missing) parts.push(`${told.missing} missing before they reached us`);
    if (told.waiting > 1) parts.push(`${told.waiting} waiting`);
    parts.push(doseWords(told));
    this.note.textContent = this.note.title = parts.filter(Boolean).join(" · ");
  }
}

function doseWords({ dose_pc_per_nm2: dose, doseless_frames: without }) {
  if (dose === null) return without ? "dose unknown: no beam current is told" : "";
  const number = dose < 100 ? Number(dose.toPrecision(3)) : Math.round(dose);
  return `dose ${number} pC/nm² on this field${without ? `, without ${plural(without, "frame")} that told none` : ""}`;
}
