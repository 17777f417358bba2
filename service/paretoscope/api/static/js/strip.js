// The last frames side by side: analysis against its deadline, the scan's own time beside it, and what was lost and why.

import { getJson } from "./api.js";
import { DROPS, ms, plural } from "./format.js";

const FRAMES = 30;
const KEPT = 300; // frames whose losses are marked

export class TimeStrip {
  /** onPick(frameId): a bar was clicked; onLosses(Map frame id -> words): what was lost, and where. */
  constructor(holder, onPick, onLosses) {
    Object.assign(this, { holder, onPick, onLosses, due: false });
    this.clear();
    holder.addEventListener("click", ({ target }) => { if (target.dataset.frame) onPick(target.dataset.frame); });
  }

  clear() {
    this.bars = new Map(); // frame id -> {totalMs, deadlineMs, scanMs, met} or {lost: reason}
    this.gaps = new Map(); // frame id -> how many frames are missing just before it
    this.losses = new Map(); // frame id -> what was lost there, in words
    this.shown = null;
    this.draw();
  }

  /** The frames that came before this page was opened, and where frames are missing between them. */
  async recall(stream) {
    const { rows } = await getJson(`/v1/streams/${stream}/frames?limit=${KEPT}&detail=true`);
    this.gaps = new Map(rows.filter((row) => row.gap > 0).map((row) => [row.frame_id, row.gap]));
    this.losses = new Map();
    for (const row of rows.toReversed()) {
      if (row.gap > 0) this.lose(row.frame_id, missingWords(row.gap));
      if (row.total_ms !== null) this.put(row.frame_id, row);
      else if (row.state === "failed" || row.state === "dropped") this.put(row.frame_id, { lost: row.fault ?? row.state });
    }
    this.draw();
  }

  lose(id, words) {
    const held = this.losses.get(id);
    this.losses.set(id, held && held !== words ? `${held}; ${words}` : words);
    while (this.losses.size > KEPT) this.losses.delete(this.losses.keys().next().value);
  }

  hear({ data, frame_id: id, kind }) {
    if (kind === "result" && data.total_ms !== undefined) this.put(id, data);
    else if (kind === "fault" && id) this.put(id, { lost: data.code });
    else if (kind === "drop" && id) this.put(id, { lost: `dropped: ${DROPS[data.reason] ?? data.reason ?? "no reason given"}` });
    else return;
    this.draw();
  }

  put(id, told) {
    if (told.lost) this.lose(id, told.lost);
    else if (!this.gaps.has(id)) this.losses.delete(id); // a dead letter that was worked after all
    this.bars.delete(id);
    this.bars.set(id, told.lost ? told : {
      totalMs: told.total_ms, deadlineMs: told.deadline_ms ?? null, scanMs: told.acquisition_ms ?? null, met: told.met,
    });
    while (this.bars.size > FRAMES) this.bars.delete(this.bars.keys().next().value);
  }

  show(id) {
    this.holder.querySelector("[data-shown]")?.removeAttribute("data-shown");
    this.shown = id;
    this.holder.querySelector(`[data-frame="${CSS.escape(id)}"]`)?.setAttribute("data-shown", "");
  }

  /** With the next picture of the screen, however often it is asked for until then. */
  draw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => { this.due = false; this.paint(); });
  }

  paint() {
    this.onLosses(this.losses);
    const bars = [...this.bars.entries()];
    const held = bars.filter(([, bar]) => !bar.lost);
    const deadline = Math.max(1, ...held.map(([, bar]) => bar.deadlineMs ?? 0));
    const top = 1.15 * Math.max(deadline, ...held.map(([, bar]) => Math.min(Math.max(bar.totalMs, bar.scanMs ?? 0), 2 * deadline)));
    const height = (value) => `${Math.max(3, (100 * Math.min(value, top)) / top)}%`;
    const made = bars.flatMap(([id, bar]) => {
      const item = document.createElement("i");
      item.dataset.kind = bar.lost ? "lost" : bar.met ? "met" : "missed";
      item.dataset.frame = id;
      item.toggleAttribute("data-shown", id === this.shown);
      item.title = bar.lost ? `${id}: ${bar.lost}` : `${id}: analysis ${ms(bar.totalMs)} of ${ms(bar.deadlineMs)}` +
        (bar.scanMs ? `, scan ${ms(bar.scanMs)}` : "");
      item.style.setProperty("--analysis", bar.lost ? "100%" : height(bar.totalMs));
      if (bar.scanMs) item.style.setProperty("--scan-height", height(bar.scanMs));
      return this.gaps.has(id) ? [gapMark(id, this.gaps.get(id)), item] : [item];
    });
    const line = document.createElement("b");
    line.style.bottom = `${(100 * deadline) / top}%`;
    this.holder.replaceChildren(...made, ...(held.length ? [line] : []));
    const missed = held.filter(([, bar]) => !bar.met).length;
    this.holder.setAttribute("aria-label", `The last ${bars.length} frames: analysis against the deadline beside the scan's time; ` +
      `${missed} late, ${bars.length - held.length} lost`);
  }
}

const missingWords = (count) => `${plural(count, "frame")} missing just before it`;

function gapMark(id, count) {
  const mark = document.createElement("i");
  mark.dataset.kind = "gap";
  mark.dataset.missing = `−${count}`;
  mark.title = `${id}: ${missingWords(count)}`;
  return mark;
}
