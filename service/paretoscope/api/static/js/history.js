// The frames that are kept, oldest first, and which of them is looked at: the newest as it comes (live), or one further back.

import { getJson } from "./api.js";

const KEPT = 2000;

export class History {
  /** onMove(frameId | null): show that frame, or the newest. onChange(): something to tell anew. */
  constructor(onMove, onChange) {
    Object.assign(this, { onMove, onChange });
    this.clear();
  }

  clear() {
    this.ids = [];
    this.at = null; // the frame on the screen
    this.aim = null; // the one asked for while one looks back; it may still be loading
    this.atMs = null;
    this.newest = null; // the newest with a result
    this.newestMs = null;
    this.live = true;
  }

  async open(stream) {
    this.clear();
    await this.recall(stream);
  }

  /** Asked anew after a lost connection, too: what was missed is in it. */
  async recall(stream) {
    const { frames } = await getJson(`/v1/streams/${stream}/frames?limit=${KEPT}`);
    this.ids = frames.toReversed();
    this.onChange();
  }

  add(id) {
    if (this.ids.includes(id)) return;
    this.ids.push(id);
    if (this.ids.length > KEPT) this.ids.shift();
    this.onChange();
  }

  finished(id, atMs) {
    this.add(id);
    if (this.ids.indexOf(id) < this.ids.indexOf(this.newest)) return;
    Object.assign(this, { newest: id, newestMs: atMs });
    this.onChange();
  }

  /** done: it has a result. */
  shown(id, atMs, done) {
    Object.assign(this, { at: id, atMs });
    if (done && (!this.newest || this.ids.indexOf(id) > this.ids.indexOf(this.newest))) Object.assign(this, { newest: id, newestMs: atMs });
    this.onChange();
  }

  /** A frame is no longer kept, nor is what is older. */
  forget(id) {
    this.ids = this.ids.slice(this.ids.indexOf(id) + 1);
    this.onChange();
  }

  get last() {
    return this.newest ? this.ids.indexOf(this.newest) : this.ids.length - 1;
  }

  get index() {
    const id = this.live ? this.at : this.aim;
    return id ? this.ids.indexOf(id) : this.last;
  }

  /** {frames, seconds} behind the newest result. */
  get behind() {
    const seconds = this.atMs === null || this.newestMs === null ? 0 : Math.max(0, (this.newestMs - this.atMs) / 1000);
    return { frames: Math.max(0, this.last - this.index), seconds };
  }

  before(id) {
    const index = this.ids.indexOf(id);
    return index > 0 ? this.ids[index - 1] : null;
  }

  step(count) {
    return this.go(this.index + count);
  }

  /** Past the newest is the live view. */
  go(index) {
    if (index > this.last && !this.live) return this.goLive();
    const id = this.ids[Math.min(this.last, Math.max(0, index))];
    if (!id || (id === this.aim && !this.live)) return null;
    Object.assign(this, { live: false, aim: id });
    this.onChange();
    return this.onMove(id);
  }

  hold() {
    Object.assign(this, { live: false, aim: this.at });
    this.onChange();
  }

  goLive() {
    this.live = true;
    this.onChange();
    return this.onMove(null);
  }
}
