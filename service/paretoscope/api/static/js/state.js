// What the state line says: one of waiting, working, live, paused, stale, degraded, fault, disconnected, in words.

import { age } from "./format.js";

const STALE_AFTER_S = 15;
const STALE_INTERVALS = 4;

export class StateLine {
  constructor(element) {
    this.element = element;
    this.connected = false;
    this.everConnected = false;
    this.resultAt = null; // ms
    this.intervalS = null;
    this.working = null; // id of the frame being analysed
    this.fault = null;
    this.degraded = null; // what is wrong, shortly
    this.paused = null; // {by, reason}
    setInterval(() => this.draw(), 1000);
  }

  saw(change) {
    Object.assign(this, change);
    if (change.connected) this.everConnected = true;
    this.draw();
  }

  /** A result from before this page was opened. */
  seen(atMs) {
    this.resultAt = atMs;
    this.draw();
  }

  result(atMs) {
    if (this.resultAt !== null && atMs > this.resultAt) this.intervalS = (atMs - this.resultAt) / 1000;
    this.resultAt = Math.max(atMs, this.resultAt ?? 0);
    this.saw({ working: null, fault: null });
  }

  draw() {
    const [state, words] = this.told();
    if (this.element.dataset.state !== state) this.element.dataset.state = state;
    if (this.element.textContent !== words) this.element.textContent = this.element.title = words;
  }

  told() {
    const seconds = this.resultAt === null ? null : (Date.now() - this.resultAt) / 1000;
    const last = seconds === null ? "no result yet" : `last result ${age(seconds)}`;
    if (!this.connected) {
      return ["disconnected", this.everConnected ? `Disconnected, reconnecting; ${last}` : "Connecting to the service"];
    }
    if (this.fault) return ["fault", `Fault: ${this.fault}`];
    if (this.degraded) return ["degraded", `Degraded: ${this.degraded}; ${last}`];
    if (this.paused) return ["paused", `Paused by ${this.paused.by}${this.paused.reason ? `, ${this.paused.reason}` : ""}: no new frames are taken; ${last}`];
    const limit = Math.max(STALE_AFTER_S, STALE_INTERVALS * (this.intervalS ?? 0));
    if (this.working && (seconds === null || seconds > limit)) return ["working", `Analysing ${this.working}; ${last}`];
    if (seconds === null) return ["waiting", "Waiting for the first frame"];
    return seconds > limit ? ["stale", `Stale: ${last}`] : ["live", `Live, ${last}`];
  }
}
