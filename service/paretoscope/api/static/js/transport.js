// Back and forth through the history: buttons, slider, movie, how far behind the live view one looks.

import { duration, plural } from "./format.js";

const $ = (id) => document.getElementById(id);
const INSET_EVERY_MS = 700;

export class Transport {
  constructor(history) {
    this.history = history;
    this.playing = false;
    this.insetAt = 0;
    $("older").addEventListener("click", () => this.step(-1));
    $("newer").addEventListener("click", () => this.step(1));
    $("scrub").addEventListener("input", ({ target }) => {
      const index = Number(target.value);
      this.stop();
      history.go(index);
    });
    $("play").addEventListener("click", () => this.toggle());
    for (const id of ["live", "inset"]) $(id).addEventListener("click", () => this.live());
  }

  step(count) {
    this.stop();
    return this.history.step(count);
  }

  /** The live button: back to the live view, or hold the frame that is shown. */
  live() {
    this.stop();
    return this.history.live ? this.history.hold() : this.history.goLive();
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }

  stop() {
    this.playing = false;
    this.draw();
  }

  /** From here to the newest, then again from the oldest, until stopped. */
  async play() {
    const { history } = this;
    this.playing = true;
    this.draw();
    if (history.index >= history.last) await history.go(0);
    while (this.playing) {
      const begun = performance.now();
      await (history.index >= history.last ? history.go(0) : history.go(history.index + 1));
      const rest = 1000 / Number($("rate").value) - (performance.now() - begun);
      await new Promise((done) => setTimeout(done, Math.max(20, rest)));
    }
  }

  draw() {
    const { history } = this;
    const { frames, seconds } = history.behind;
    $("live").setAttribute("aria-pressed", String(history.live));
    $("play").setAttribute("aria-pressed", String(this.playing));
    $("play").textContent = this.playing ? "Stop" : "Play";
    Object.assign($("scrub"), { max: String(Math.max(0, history.last)), value: String(history.index) });
    const place = `frame ${history.index + 1} of ${history.last + 1}`;
    $("scrub").setAttribute("aria-valuetext", place);
    $("older").disabled = history.index <= 0;
    $("newer").disabled = history.live;
    $("back-told").hidden = history.live;
    $("back-told").textContent = frames === 0 ? "Held: the newest frame" : `Looking back: ${plural(frames, "frame")}, ` +
      `${duration(seconds)} behind live`;
    $("scrub").title = place;
    this.drawInset();
  }

  /** While one looks back the live view goes on, small. */
  drawInset() {
    const { live, newest, at } = this.history;
    const wanted = !live && newest && newest !== at;
    $("inset").hidden = !wanted;
    if (!wanted) return;
    const image = $("inset").querySelector("img");
    const source = `/v1/frames/${newest}/image?max_side_px=192`;
    const wait = this.insetAt + INSET_EVERY_MS - performance.now();
    clearTimeout(this.insetLater);
    if (wait > 0) this.insetLater = setTimeout(() => this.drawInset(), wait);
    else if (image.getAttribute("src") !== source) {
      this.insetAt = performance.now();
      image.src = source;
    }
  }
}
