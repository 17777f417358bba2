// How the stream's frames are analysed, as it stands: read just before it is changed, and watched for what others change.

import { getJson, sendJson } from "./api.js";

export class Policy {
  /** stream(): its name; onKnown(policy): as it stands now; onOther(names, before, policy): somebody else changed these. */
  constructor({ stream, onKnown, onOther }) {
    Object.assign(this, { stream, onKnown, onOther, known: null, sending: 0, held: null });
  }

  get path() {
    return `/v1/streams/${this.stream()}/policy`;
  }

  async open() {
    this.known = null;
    if (!this.stream()) return null;
    return this.know(await getJson(this.path));
  }

  know(policy) {
    this.known = policy;
    this.onKnown(policy);
    return policy;
  }

  /** Change these fields and no others; returns {before, now}. Throws what the service refuses. */
  async change(fields) {
    this.sending += 1; // our own change comes back as an event, perhaps before its answer
    try {
      const before = await getJson(this.path);
      this.found(before);
      const now = await sendJson("PUT", this.path, { ...before, ...fields });
      this.know(now);
      return { before, now };
    } finally {
      this.sending -= 1;
      const { held } = this;
      this.held = null;
      if (held) this.hear(held);
    }
  }

  hear(event) {
    if (event.kind !== "policy" || !this.known) return;
    if (this.sending) {
      this.held = event;
      return;
    }
    this.found(event.data);
  }

  /** It stands so: whatever differs from what we knew was changed by somebody else. */
  found(policy) {
    const before = this.known;
    const names = before ? Object.keys(policy).filter((name) => JSON.stringify(policy[name]) !== JSON.stringify(before[name])) : [];
    if (names.length === 0) return;
    this.know(policy);
    this.onOther(names, before, policy);
  }
}
