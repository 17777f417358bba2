// The event stream: one connection that comes back by itself and resumes at the last event it saw.

import { getJson } from "./api.js";

const KINDS = [
  "frame", "progress", "result", "choice", "policy", "class-named", "fault", "gap", "drop", "end", "worker", "scan",
  "pause", "instrument",
];
const RETRY_MS = 1000;
const SHUT_RETRY_MS = 10_000; // a key that is not known counts as a wrong one each time it is shown

export class Live {
  /** onEvent(event) for each event, onState(connected) when the connection comes or goes. */
  constructor(onEvent, onState) {
    Object.assign(this, { onEvent, onState, lastId: null, source: null, timer: null });
    this.open();
  }

  open() {
    const source = new EventSource(this.lastId ? `/v1/events?after=${encodeURIComponent(this.lastId)}` : "/v1/events");
    this.source = source;
    source.onopen = () => this.onState(true);
    source.onerror = () => {
      this.onState(false);
      if (source.readyState === EventSource.CLOSED) this.later(RETRY_MS); // refused, not merely cut off
    };
    const heard = (message) => {
      this.lastId = message.lastEventId || this.lastId;
      this.onEvent(JSON.parse(message.data));
    };
    for (const kind of KINDS) source.addEventListener(kind, heard);
  }

  /** The service does not know us (any more): come back seldom, until somebody says that it does. */
  shut() {
    this.source.close();
    this.later(SHUT_RETRY_MS);
  }

  later(waitMs) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), waitMs);
  }

  /** A refused event stream tells no reason: another route does, and once that lets us in the stream does too. */
  async again() {
    clearTimeout(this.timer);
    try {
      await getJson("/v1/caller");
    } catch ({ status }) {
      if (status !== 401) this.later(RETRY_MS); // at 401 shut() comes, see api.js
      return;
    }
    if (this.source.readyState === EventSource.CLOSED) this.open();
  }
}
