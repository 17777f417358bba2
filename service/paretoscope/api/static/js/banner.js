// The line under the bar: what is wrong with the service, in whole sentences, and what goes on meanwhile.

const MEANWHILE = {
  gone: "The service does not answer. What you see stays; the page comes back by itself and goes on after the last news it had.",
  down: "You can go on looking at what is on the screen. No frame that was taken is lost; this page comes back by itself.",
};

export class Banner {
  /** words: element that tells; its parent is hidden while all is well. */
  constructor(words) {
    Object.assign(this, { words, box: words.parentElement, state: "ok", reasons: [], gone: false });
  }

  /** connected: of the event connection, once there was one. */
  connection(connected) {
    this.gone = !connected;
    this.draw();
  }

  service({ state, reasons }) {
    Object.assign(this, { state, reasons });
    this.draw();
  }

  draw() {
    const told = this.gone ? [MEANWHILE.gone] : this.reasons.map((one) => one.words);
    if (!this.gone && this.state === "down") told.push(MEANWHILE.down);
    this.box.hidden = told.length === 0;
    this.box.dataset.state = this.gone ? "down" : this.state;
    const text = told.join(" ");
    if (this.words.textContent !== text) this.words.textContent = this.words.title = text;
  }
}
