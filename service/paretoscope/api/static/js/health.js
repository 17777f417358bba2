// Whether the service is fit to work: asked every few seconds, oftener while it is not, and whenever a worker's news comes.

import { getJson } from "./api.js";

const EVERY_MS = 5000;
const UNWELL_EVERY_MS = 1500;
const SLOW_MS = 1000;
const AFTER_NEWS_MS = 1500;
const ENDED = {
  died: "A worker stopped and is being started again; its frame is worked once more.",
  hung: "A worker made no step for too long: it was ended and is being started again; its frame is worked once more.",
};

export class Health {
  /** onTold(status): as GET /v1/status has it. */
  constructor(onTold) {
    Object.assign(this, { onTold, timer: null, listening: false, status: null });
  }

  /** The event connection came or went. */
  connected(connected) {
    this.listening = connected;
    clearTimeout(this.timer);
    if (connected) this.ask();
  }

  hear({ kind, data }) {
    if (kind === "result" && this.status?.state === "down") this.soon(0);
    if (kind !== "worker") return;
    if (data.state in ENDED && this.status) {
      const reason = { code: "worker-restarting", words: ENDED[data.state] };
      this.tell({ ...this.status, state: "degraded", reasons: [reason, ...this.status.reasons] });
    }
    this.soon(AFTER_NEWS_MS);
  }

  soon(waitMs) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), waitMs);
  }

  tell(status) {
    this.status = status;
    this.onTold(status);
  }

  async ask() {
    clearTimeout(this.timer);
    const begun = performance.now();
    try {
      const status = await getJson("/v1/status");
      const tookMs = performance.now() - begun;
      if (tookMs > SLOW_MS) {
        status.reasons.push({ code: "service-slow", words: `The service took ${(tookMs / 1000).toFixed(1)} s to answer.` });
        if (status.state === "ok") status.state = "degraded";
      }
      this.tell(status);
    } catch { /* the event connection tells that the service is gone, the door that it does not know us */ }
    if (this.listening) this.soon(this.status?.state === "ok" ? EVERY_MS : UNWELL_EVERY_MS);
  }
}

/** What a reason's code is on the line at the top; one that is not here goes by its code. */
const SHORT = {
  "no-worker": "no worker runs", "workers-starting": "the worker is starting", "worker-silent": "a worker is silent",
  "worker-restarting": "a worker is being started again", "store-slow": "the store is slow", "store-down": "the store is away",
  "event-log": "news come late", "no-bridge": "no frames over ZeroMQ", backlog: "many frames wait",
  "instrument-failed": "an instrument failed", "service-slow": "the service is slow", "disk-full": "the disk is full",
  "worker-stalled": "a worker makes no step", "device-failed": "a device cannot compute",
  "stream-taken": "two programs send as one stream",
};

/** "no worker runs, the store is slow", or null where all is well. */
export function shortly({ state, reasons }) {
  if (state === "ok") return null;
  return [...new Set(reasons.map(({ code }) => SHORT[code] ?? code.replaceAll("-", " ")))].join(", ") || "not all is well";
}
