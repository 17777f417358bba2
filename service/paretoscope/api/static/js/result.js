// The cards beside the frame, filled from one loaded frame.

import { getJsonOrNull } from "./api.js";
import { plural } from "./format.js";
import { pointWords, showNumbers } from "./numbers.js";
import { showTimes } from "./times.js";

const $ = (id) => document.getElementById(id);
const COMPONENTS_AFTER_MS = 40; // the next frame's own requests go first

export class ResultCards {
  /** Each a card of its own: front plot, class list, lattice card, scatter. */
  constructor({ plot, classList, lattice, scatter }) {
    Object.assign(this, { plot, classList, lattice, scatter, view: null, front: null });
  }

  show({ view, front, classes }) {
    Object.assign(this, { view, front });
    this.plot.show(front);
    $("front-note").textContent = front ? plural(front.points.length, "point") : "not yet";
    this.showPoint(null);
    this.classList.show(classes);
    $("classes-note").textContent = classes ? (classes.chosen_by === "bic" ? "number chosen by BIC" : "") : "not yet";
    showNumbers({ list: $("numbers"), guardLine: $("guard") }, view);
    this.lattice.show(view);
    this.showMode(view.ledger);
    showTimes($("times"), $("verdict"), $("times-note"), view.ledger);
  }

  showPoint(index) {
    $("params").textContent = pointWords(this.front, this.view, index);
  }

  showMode(ledger) {
    $("mode").hidden = !ledger?.mode;
    $("mode").textContent = $("mode").dataset.mode = ledger?.mode ?? "";
    $("mode").title = { tuning: "The parameters of this frame were searched for", tracking: "The operating point was kept from frame to frame",
      drifted: "The sample drifted or changed; the parameters are searched anew" }[ledger?.mode] ?? "";
  }

  /** The components are large: they follow the class pictures, once a second at most. */
  async showComponents(classes) {
    if (!classes) return this.scatter.show(null);
    await new Promise((done) => setTimeout(done, COMPONENTS_AFTER_MS));
    const whole = await getJsonOrNull(`/v1/frames/${classes.frame_id}/classes`).catch(() => null); // the dots stay as they are
    return whole && this.scatter.show(whole);
  }
}
