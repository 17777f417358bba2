// Whether the service is fit to work: asked every few seconds and whenever a worker's news comes.

const EVERY_MS = 5000;
const SLOW_MS = 1000;
const AFTER_NEWS_MS = 1500;

export class Health {
  /** onTold(words | null): what is wrong, in words, or nothing. */
  constructor(onTold) {
    this.onTold = onTold;
    this.timer = null;
    this.listening = false;
  }

  /** The event connection came or went. */
  connected(connected) {
    this.listening = connected;
    clearTimeout(this.timer);
    if (connected) this.ask();
  }

  hear(event) {
    if (event.kind !== "worker") return;
    if (event.data.state === "died") this.onTold("a worker stopped and is being started again; its frame is worked once more.");
    this.soon(AFTER_NEWS_MS);
  }

  soon(waitMs) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), waitMs);
  }

  async ask() {
    const begun = performance.now();
    try {
      const { reasons } = await (await fetch("/readyz", { headers: { Accept: "application/json" } })).json();
      const tookMs = performance.now() - begun;
      const told = reasons ?? [];
      if (tookMs > SLOW_MS) told.push(`The store is slow: it took ${(tookMs / 1000).toFixed(1)} s to answer.`);
      this.onTold(told.length ? told.join(" ") : null);
    } catch { /* the event connection tells that the service is gone */ }
    if (this.listening) this.soon(EVERY_MS);
  }
}
