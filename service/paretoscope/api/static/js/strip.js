// The last frames side by side: analysis against its deadline, the scan's own time, and what was lost and why.

import { getJson, getJsonOrNull } from "./api.js";
import { ms } from "./format.js";

const FRAMES = 30;

export class TimeStrip {
  constructor(holder, note) {
    this.holder = holder;
    this.note = note;
    this.clear();
  }

  clear() {
    this.bars = new Map(); // frame id -> {totalMs, deadlineMs, scanMs, met} or {lost: reason}
    this.lost = new Map(); // reason in words -> count, since the page was opened
    this.draw();
  }

  /** The frames that came before this page was opened. */
  async recall(stream) {
    const { frames } = await getJson(`/v1/streams/${stream}/frames?limit=${FRAMES}`);
    const views = await Promise.all(frames.toReversed().map((id) => getJsonOrNull(`/v1/frames/${id}`)));
    for (const view of views.filter(Boolean)) {
      if (view.ledger) this.put(view.frame_id, view.ledger);
      else if (view.state === "failed" || view.state === "dropped") this.put(view.frame_id, { lost: view.fault?.code ?? view.state });
    }
    this.draw();
  }

  hear(event) {
    const { data, frame_id: id } = event;
    if (event.kind === "result" && data.total_ms !== undefined) this.put(id, data);
    else if (event.kind === "fault") this.lose(id, `refused or failed: ${data.code}`);
    else if (event.kind === "drop") this.lose(id, `dropped: ${data.reason ?? "no reason given"}`);
    else if (event.kind === "gap") this.lose(null, "missing before they reached us", data.missing ?? data.count ?? 1);
    else return;
    this.draw();
  }

  put(id, told) {
    this.bars.delete(id);
    this.bars.set(id, told.lost ? told : {
      totalMs: told.total_ms, deadlineMs: told.deadline_ms ?? null, scanMs: told.acquisition_ms ?? null, met: told.met,
    });
    while (this.bars.size > FRAMES) this.bars.delete(this.bars.keys().next().value);
  }

  lose(id, reason, count = 1) {
    this.lost.set(reason, (this.lost.get(reason) ?? 0) + count);
    if (id) this.put(id, { lost: reason });
  }

  draw() {
    const bars = [...this.bars.entries()];
    const held = bars.filter(([, bar]) => !bar.lost);
    const deadline = Math.max(1, ...held.map(([, bar]) => bar.deadlineMs ?? 0));
    const top = 1.15 * Math.max(deadline, ...held.map(([, bar]) => Math.min(bar.totalMs, 2 * deadline)));
    const made = bars.map(([id, bar]) => {
      const item = document.createElement("i");
      item.dataset.kind = bar.lost ? "lost" : bar.met ? "met" : "missed";
      item.title = bar.lost ? `${id}: ${bar.lost}` : `${id}: analysis ${ms(bar.totalMs)} of ${ms(bar.deadlineMs)}` +
        (bar.scanMs ? `, scan ${ms(bar.scanMs)}` : "");
      item.style.height = bar.lost ? "100%" : `${Math.max(3, (100 * Math.min(bar.totalMs, top)) / top)}%`;
      return item;
    });
    const line = document.createElement("b");
    line.style.bottom = `${(100 * deadline) / top}%`;
    this.holder.replaceChildren(...made, ...(held.length ? [line] : []));
    const missed = held.filter(([, bar]) => !bar.met).length;
    const told = [`last ${bars.length} of ${FRAMES}: ${missed} late`];
    for (const [reason, count] of this.lost) told.push(`${count} ${reason}`);
    this.note.textContent = bars.length || this.lost.size ? told.join(" · ") : "";
    this.note.title = this.note.textContent;
    this.holder.setAttribute("aria-label", `Time per frame against its deadline, ${told.join(", ")}`);
  }
}
