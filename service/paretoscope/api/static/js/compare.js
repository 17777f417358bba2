// Two frames against each other: side by side, in turn, or what differs. With the frame before, or one that was pinned.

import { plural } from "./format.js";
import { matchAtoms } from "./match.js";
import { differencePicture } from "./picture_difference.js";

const $ = (id) => document.getElementById(id);
const BLINK_MS = 400; // under three flashes a second
const REACH_OF_NEIGHBOUR = 0.5;
const REACH_PX = 5; // where no neighbour distance is known

export class Compare {
  /** map: shows the frame, other: beside it; peek(frameId) -> content; before(frameId) -> the frame before it;
   *  problem(error). */
  constructor({ map, other, peek, before, problem }) {
    Object.assign(this, { map, other, peek, before, problem, on: false, way: "side", pinned: null, content: null, reference: null, turn: 0 });
    $("compare").addEventListener("click", () => this.toggle());
    $("pin").addEventListener("click", () => this.pin());
    for (const button of $("compare-tools").querySelectorAll("[data-way]")) {
      button.addEventListener("click", () => this.choose(button.dataset.way));
    }
  }

  toggle() {
    this.on = !this.on;
    if (!this.on) this.pinned = null;
    this.arrange();
  }

  choose(way) {
    this.way = way;
    this.on = true;
    this.arrange();
  }

  next() {
    const ways = ["side", "blink", "difference"];
    this.choose(this.on ? ways[(ways.indexOf(this.way) + 1) % 3] : this.way);
  }

  /** Keep the frame shown as the one that others are compared with; again: the frame before, once more. */
  pin() {
    this.pinned = this.pinned ? null : this.content?.frameId ?? null;
    this.on = true;
    this.arrange();
  }

  arrange() {
    clearInterval(this.timer);
    document.body.toggleAttribute("data-way", false);
    if (this.on) document.body.dataset.way = this.way;
    $("compare").setAttribute("aria-pressed", String(this.on));
    $("pin").setAttribute("aria-pressed", String(this.pinned !== null));
    $("pin").textContent = this.pinned ? "Unpin" : "Pin this frame";
    $("compare-tools").hidden = !this.on;
    $("compare-told").hidden = !this.on;
    $("other-stage").hidden = !(this.on && this.way === "side");
    for (const button of $("compare-tools").querySelectorAll("[data-way]")) {
      button.setAttribute("aria-pressed", String(button.dataset.way === this.way));
    }
    this.map.difference = null;
    $("map").dataset.compare = this.on ? this.way : "";
    if (this.content) this.map.show(this.content);
    if (this.on && this.content) this.follow(this.content);
  }

  /** The page shows `content` now. */
  async follow(content) {
    this.content = content;
    if (!this.on) return;
    const id = this.pinned && this.pinned !== content.frameId ? this.pinned : this.before(content.frameId);
    $("compare-with").textContent = id ?? "–";
    if (!id) return this.alone("No other frame yet");
    const turn = (this.turn += 1);
    let reference = null;
    try {
      reference = await this.peek(id);
    } catch (problem) {
      this.problem(problem);
    }
    if (turn !== this.turn || !this.on) return;
    if (!reference) return this.alone("That frame is no longer kept");
    this.show(content, reference);
  }

  /** What must stay in memory. */
  get pictures() {
    return this.on ? [this.content?.picture, this.reference?.picture] : [];
  }

  show(content, reference) {
    this.reference = reference;
    clearInterval(this.timer);
    const match = this.tellMatch(content, reference);
    if (this.way === "side") {
      this.other.show(reference);
      $("other-told").textContent = this.pinned ? "pinned" : "the frame before";
    } else if (this.way === "blink") {
      this.map.show(content);
      let face = 0;
      this.timer = setInterval(() => {
        face = 1 - face;
        this.map.show(face ? reference : content);
      }, BLINK_MS);
    } else if (String(content.shape) !== String(reference.shape)) {
      this.alone("The two differ in size: compare them side by side");
    } else {
      this.map.difference = {
        picture: differencePicture(content.picture, reference.picture, ofPicture(match?.shift, content)),
        fresh: match?.fresh ?? [], gone: match?.gone ?? [], goneColumns: reference.columns,
        legend: { entries: [["new, brighter", "#e69f00"], ["gone, darker", "#56b4e9"]] },
      };
      this.map.show(content);
    }
    Object.assign($("map").dataset, { comparedWith: reference.frameId, fresh: match?.fresh.length ?? "", gone: match?.gone.length ?? "" });
  }

  tellMatch(content, reference) {
    if (!content.columns || !reference.columns) return this.tell("One of the two has no atoms yet");
    const reach = content.neighbourPx ? REACH_OF_NEIGHBOUR * content.neighbourPx : REACH_PX;
    const match = matchAtoms(content.columns, reference.columns, reach);
    const { pairs, fresh, gone, shift } = match;
    const length = Math.hypot(shift.dy, shift.dx);
    const moved = content.pixelNm ? `${Math.round(1000 * length * content.pixelNm)} pm` : `${length.toFixed(2)} px`;
    this.tell(`${fresh.length} new · ${gone.length} gone · ${plural(pairs.length, "atom")} in both, shifted ${moved}`);
    return match;
  }

  /** There is nothing to set it against. */
  alone(words) {
    clearInterval(this.timer);
    this.map.difference = null;
    this.map.show(this.content);
    this.tell(words);
  }

  tell(words) {
    $("compare-told").textContent = words;
    return null;
  }
}

/** A shift in px of the frame -> px of its picture, which may be shrunk. */
function ofPicture(shift, { picture, shape }) {
  if (!shift) return undefined;
  const scale = picture.width / shape[1];
  return { dy: shift.dy * scale, dx: shift.dx * scale };
}
