// The frame on a canvas: pixels, overlay, atoms, scale bar.

import { drawAtoms, markPath, outlined } from "./atom_marks.js";
import { cleared } from "./canvas.js";
import { drawMask, drawWindows, WINDOW_VALUES } from "./overlay.js";
import { drawScaleBar } from "./scale_bar.js";
import { Viewport } from "./viewport.js";

const HOVER_REACH_PX = 14;

export class AtomCanvas {
  /** onHover(index | -1): the atom under the pointer; onLegend(legend | null). `lead`: another canvas that this one
   *  follows in place, zoom and how atoms are drawn. */
  constructor(canvas, onHover, onLegend, lead = null) {
    this.canvas = canvas;
    this.onHover = onHover;
    this.onLegend = onLegend;
    this.content = null; // what `show` was given last
    this.difference = null; // {picture, fresh, gone, goneColumns, legend} in place of picture and atoms
    this.look = lead?.look ?? { colourBy: "class_id", classNames: new Map(), showAtoms: true, leastConfidence: 0, overlay: "none" };
    this.hovered = -1;
    this.view = new Viewport(canvas, () => this.moved(), lead?.view);
    if (lead) lead.follow(this);
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointermove", (event) => this.point(this.nearest(event)));
    canvas.addEventListener("pointerleave", () => this.point(-1));
  }

  /** Another part of the frame is in view. */
  moved() {
    this.draw();
    this.follower?.draw();
    this.onHover(this.hovered);
  }

  follow(other) {
    this.follower = other;
  }

  get columns() {
    return this.content?.columns ?? null;
  }

  /** content: {picture, shape, columns, mask, windows, revision, state, frameId, gamma, pixelNm}. */
  show(content) {
    const marked = this.hovered < 0 ? null : { y: this.columns.y_px[this.hovered], x: this.columns.x_px[this.hovered] };
    this.content = content;
    this.view.setShape(content.shape);
    this.hovered = marked && this.columns ? this.nearestTo(marked, HOVER_REACH_PX / this.view.place().scale) : -1;
    this.draw();
    if (marked) this.onHover(this.hovered); // the atom that is there now
    const count = this.columns ? this.columns.y_px.length : 0;
    Object.assign(this.canvas.dataset, { atoms: String(count), revision: String(content.revision ?? 0), frame: content.frameId ?? "",
      overlay: this.look.overlay, gamma: String(content.gamma ?? 1), state: content.state ?? "" });
    this.canvas.setAttribute("aria-label", `Frame of ${content.shape.join(" by ")} pixels with ${count} atoms marked. ` +
      "Arrow keys move it, plus and minus zoom, 0 fits it, shift and arrow keys walk from atom to atom.");
  }

  draw() {
    const { canvas, content } = this;
    const ratio = window.devicePixelRatio || 1;
    const box = canvas.getBoundingClientRect();
    const pen = cleared(canvas, box, ratio);
    if (!content?.shape || !content.picture || box.width === 0) return;
    const place = this.view.place();
    const [rows, columns] = content.shape;
    pen.imageSmoothingEnabled = place.scale < 2;
    pen.drawImage(this.difference?.picture ?? content.picture, place.left, place.top, columns * place.scale, rows * place.scale);
    const legend = this.drawOverlay(pen, place);
    const atoms = this.difference ? this.drawDifference(pen, place) : this.drawMarks(pen, place);
    canvas.dataset.drawn = String(atoms.drawn);
    canvas.dataset.zoom = this.view.zoom.toFixed(2);
    if (content.pixelNm) drawScaleBar(pen, place, content.pixelNm);
    this.onLegend(legend ?? atoms.legend);
  }

  /** Returns the overlay's legend, or null. */
  drawOverlay(pen, place) {
    const { overlay } = this.look;
    const { mask, windows, shape } = this.content;
    if (overlay === "mask" && mask) drawMask(pen, mask, place);
    if (!(overlay in WINDOW_VALUES)) return null;
    const from = windows?.frame_id && windows.frame_id !== this.content.frameId ? `, of ${windows.frame_id}` : "";
    if (!windows) return { words: "no parameter map: this frame reused its operating point" };
    const [low, high] = drawWindows(pen, windows, overlay, shape, place);
    return { low, high, words: `${WINDOW_VALUES[overlay]} per window${from}` };
  }

  drawMarks(pen, place) {
    if (!this.look.showAtoms || !this.columns) return { drawn: 0, legend: null };
    const told = drawAtoms(pen, place, this.columns, (k) => this.shown(k), { ...this.look, zoom: this.view.zoom });
    if (this.hovered >= 0) {
      const path = markPath([this.hovered], this.columns, place, "square", 9);
      outlined(pen, path, "#fff", 2);
    }
    return told;
  }

  drawDifference(pen, place) {
    const { fresh, gone, goneColumns, legend } = this.difference;
    if (this.columns) outlined(pen, markPath(fresh, this.columns, place, "square"), "#e69f00", 2);
    if (goneColumns) outlined(pen, markPath(gone, goneColumns, place, "cross"), "#56b4e9", 2);
    return { drawn: fresh.length + gone.length, legend };
  }

  shown(k) {
    return (this.columns.confidence?.[k] ?? 1) >= this.look.leastConfidence;
  }

  /** Mark atom `index`, as if the pointer were on it; -1: none. */
  point(index) {
    if (index === this.hovered) return;
    this.hovered = index;
    this.draw();
    this.onHover(index);
  }

  nearest(event) {
    if (!this.columns || !this.look.showAtoms || this.difference || this.view.dragged) return -1;
    const reach = HOVER_REACH_PX / this.view.place().scale;
    return this.nearestTo(this.view.imagePoint(event), reach);
  }

  /** The atom next to (y, x) within `reach` px of the frame for which `wanted(dy, dx)` holds, or -1. */
  nearestTo(at, reach, wanted = () => true) {
    let [best, least] = [-1, reach ** 2];
    const { y_px: y, x_px: x } = this.columns;
    for (let k = 0; k < y.length; k += 1) {
      const [dy, dx] = [y[k] - at.y, x[k] - at.x];
      const distance = dy * dy + dx * dx;
      if (distance < least && this.shown(k) && wanted(dy, dx)) [best, least] = [k, distance];
    }
    return best;
  }

  /** From the marked atom (or the middle) to the next one in a direction. */
  walk([stepY, stepX]) {
    if (!this.columns || !this.look.showAtoms) return;
    const { y_px: y, x_px: x } = this.columns;
    const from = this.hovered >= 0 ? { y: y[this.hovered], x: x[this.hovered] } : this.view.middle();
    const ahead = (dy, dx) => {
      const along = dy * stepY + dx * stepX;
      return this.hovered < 0 || (along > 0.5 && along >= Math.abs(dy * stepX) + Math.abs(dx * stepY));
    };
    const next = this.nearestTo(from, Infinity, ahead);
    if (next >= 0) this.point(next);
  }

  /** Where atom `index` is on the canvas, CSS px. */
  placeOf(index) {
    const { scale, left, top } = this.view.place();
    return { x: left + (this.columns.x_px[index] + 0.5) * scale, y: top + (this.columns.y_px[index] + 0.5) * scale };
  }
}
