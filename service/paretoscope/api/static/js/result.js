// The cards beside the frame, filled from one loaded frame.

import { getJsonOrNull } from "./api.js";
import { plural } from "./format.js";
import { pointWords, showNumbers } from "./numbers.js";
import { showTimes } from "./times.js";

const $ = (id) => document.getElementById(id);
const MODES = {
  tuning: "The parameters of this frame were searched for.", tracking: "The operating point was kept from the frame before.",
  redetection: "Detected anew after a pick.",
};
/** Why a stream was tuned anew, in an operator's words; one that is not here goes by its code. */
const DRIFTS = {
  restart: "the source started anew", shape: "another size", sampling: "another pixel size", detector: "another detector",
  policy: "the settings changed", choice: "a pick", age: "it was time", dose: "the dose changed", contrast: "the contrast changed",
  structure: "the structure changed", "atoms-falling": "atoms become fewer",
};
/** What is no change of the sample or the beam. */
const OURS = new Set(["restart", "policy", "choice", "age"]);
const COMPONENTS_AFTER_MS = 40; // the next frame's own requests go first

export class ResultCards {
  /** Each a card of its own: front plot, class list, lattice card, scatter. */
  constructor({ plot, classList, lattice, scatter }) {
    Object.assign(this, { plot, classList, lattice, scatter, view: null, front: null });
  }

  show({ view, front, classes }) {
    Object.assign(this, { view, front });
    this.plot.show(front);
    $("front-note").textContent = !front ? "not yet" : front.note ?? plural(front.points.length, "point") +
      (front.tuned_frame_id ? `, tuned on ${front.tuned_frame_id.split("-").at(-1)}` : "");
    $("front-note").title = front?.tuned_frame_id ? `Tuned on ${front.tuned_frame_id}` : "";
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

  /** Tracking, tuning, or tuned anew because something drifted away. */
  showMode(ledger) {
    const chip = $("mode");
    chip.hidden = !ledger?.mode;
    if (chip.hidden) return;
    const drift = (ledger.drift ?? []).map((one) => DRIFTS[one] ?? one);
    const sample = (ledger.drift ?? []).some((one) => !OURS.has(one));
    chip.dataset.mode = sample ? "drifted" : ledger.mode;
    chip.textContent = drift.length ? `${sample ? "drifted" : "tuned anew"}: ${drift[0]}` : ledger.mode;
    chip.title = [MODES[ledger.mode] ?? "", ledger.tuned_frame_id ? `Tuned on ${ledger.tuned_frame_id}.` : "",
      drift.length ? `What changed: ${drift.join(", ")}.` : ""].filter(Boolean).join(" ");
  }

  /** The components are large: they follow the class pictures, once a second at most. */
  async showComponents(classes) {
    if (!classes) return null; // they come; the dots stay meanwhile
    await new Promise((done) => setTimeout(done, COMPONENTS_AFTER_MS));
    const whole = await getJsonOrNull(`/v1/frames/${classes.frame_id}/classes`).catch(() => null); // the dots stay as they are
    return whole && this.scatter.show(whole);
  }
}
