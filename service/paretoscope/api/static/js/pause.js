// Hold the stream and let it go: while it is held its senders wait, and no frame is lost.

import { sendJson } from "./api.js";

export class PauseButton {
  /** stream(): its name; onTold({by, reason} | null): how it stands; onProblem(problem). */
  constructor(button, stream, onTold, onProblem) {
    Object.assign(this, { button, stream, onTold, paused: null });
    button.addEventListener("click", async () => {
      const verb = this.paused ? "resume" : "pause";
      try {
        await sendJson("POST", `/v1/streams/${stream()}/${verb}`, { by: "dashboard" }); // its event comes back to us
      } catch (problem) {
        onProblem(problem);
      }
    });
  }

  hear({ kind, data }) {
    if (kind === "pause") this.show(data.paused ? data : null);
  }

  /** paused: {by, reason}, or nothing where frames are taken. */
  show(paused) {
    this.button.hidden = !this.stream();
    this.paused = paused ?? null;
    this.button.setAttribute("aria-pressed", String(Boolean(paused)));
    this.button.textContent = paused ? "Resume" : "Pause";
    this.onTold(this.paused);
  }
}
