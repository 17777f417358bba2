// How the service stands, all of it: workers and their heartbeats, store, bridge, what waits, what was counted.

import { duration, ms, plural } from "./format.js";

const STATES = { ok: "all is well", degraded: "not all is well", down: "the store is away" };
/** What the service counts, in an operator's words; only what happened is told, and what is not here not at all. */
const COUNTED = {
  "workers:died": "workers died and were started again", "workers:hung": "workers hung and were ended",
  "bridge:busy:stream-taken": "frames of a stream that another program sends",
  "dead-letters": "frames that workers died over", "frames:fenced": "late writes refused", "frames:duplicate": "frames came twice",
  "frames:busy": "times a sender was told to wait", "bridge:events-dropped": "news lost while the store was away",
  "bridge:reply-unreachable": "answers to senders that had gone", "fault:too-slow": "senders too slow",
};

export class ServiceSheet {
  /** button: opens the sheet; onOpen(): it is looked at. */
  constructor({ button, sheet, onOpen }) {
    Object.assign(this, { button, sheet, find: (what) => sheet.querySelector(what) });
    sheet.addEventListener("beforetoggle", ({ newState }) => { if (newState === "open") onOpen(); });
  }

  get open() {
    return this.sheet.matches(":popover-open");
  }

  show(status) {
    this.button.dataset.state = status.state;
    this.button.title = `${STATES[status.state]}. What runs, and what was counted (h)`;
    this.find(".standing").textContent = STATES[status.state];
    this.find(".standing").dataset.state = status.state;
    this.find(".reasons").replaceChildren(...status.reasons.map((one) => Object.assign(document.createElement("li"), { textContent: one.words })));
    this.find("tbody").replaceChildren(...status.workers.map(workerRow));
    this.find("table").hidden = status.workers.length === 0;
    this.find(".nobody").hidden = status.workers.length > 0;
    const heard = status.bridge_seen_s;
    const rows = [
      ["store", status.store_ms === null ? "does not answer" : `answers in ${Number(status.store_ms.toPrecision(2))} ms`],
      ["bridge", heard === null || heard === undefined ? "not heard of: no frames over ZeroMQ" : `heard ${ago(heard)}`],
      ["news", status.event_log ? "read as they come" : "late: the event log cannot be read"],
      ["waiting", plural(status.queued, "frame")],
      ...Object.entries(COUNTED).filter(([name]) => status.counts?.[name]).map(([name, words]) => [words, String(status.counts[name])]),
    ];
    this.find("dl").replaceChildren(...rows.flatMap(([name, said]) => [
      Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: said }),
    ]));
  }
}

function workerRow(one) {
  const row = document.createElement("tr");
  row.dataset.worker = one.consumer;
  row.dataset.state = one.kernel_error ? "failed" : one.state;
  const step = (one.tick_age_s ?? null) === null ? "–" : ago(one.tick_age_s);
  const kernel = one.kernel_error || ((one.kernel_ms ?? null) === null ? "–" : ms(one.kernel_ms));
  for (const text of [one.consumer, one.device, one.state, ago(one.age_s ?? 0), step, kernel, one.detail]) {
    row.append(Object.assign(document.createElement("td"), { textContent: text, title: text }));
  }
  return row;
}

const ago = (seconds) => (seconds < 1.5 ? "1 s ago" : `${duration(seconds)} ago`);
