// The frame on a canvas: pixels, overlay, atoms, scale bar.

import { colouring } from "./colouring.js";
import { drawMask, drawWindows, WINDOW_VALUES } from "./overlay.js";
import { drawScaleBar } from "./scale_bar.js";
import { Viewport } from "./viewport.js";

const HOVER_REACH_PX = 14;

export class AtomCanvas {
  /** onHover(row | null): the atom under the pointer, as {y_px, x_px, ...}; onLegend(legend | null). */
  constructor(canvas, onHover, onLegend) {
    this.canvas = canvas;
    this.onLegend = onLegend;
    this.picture = null;
    this.shape = null; // [rows, columns]
    this.columns = null;
    this.colourBy = "class_id";
    this.showAtoms = true;
    this.leastConfidence = 0;
    this.overlay = "none"; // or "mask", or one of WINDOW_VALUES
    this.mask = null;
    this.windows = null;
    this.hovered = -1;
    this.pixelNm = null;
    this.view = new Viewport(canvas, () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointermove", (event) => this.point(this.nearest(event), onHover));
    canvas.addEventListener("pointerleave", () => this.point(-1, onHover));
  }

  show(frame) {
    Object.assign(this, frame);
    this.hovered = -1;
    const count = this.columns ? this.columns.y_px.length : 0;
    this.view.setShape(this.shape);
    this.draw();
    Object.assign(this.canvas.dataset, { atoms: String(count), revision: String(frame.revision ?? 0), frame: frame.frameId ?? "",
      overlay: this.overlay, gamma: String(frame.gamma ?? 1), state: frame.state ?? "" });
    this.canvas.setAttribute("aria-label", `Frame of ${this.shape.join(" by ")} pixels with ${count} atoms marked. ` +
      "Arrow keys move it, plus and minus zoom, 0 fits it.");
  }

  draw() {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const box = canvas.getBoundingClientRect();
    canvas.width = Math.round(box.width * ratio);
    canvas.height = Math.round(box.height * ratio);
    if (!this.shape || !this.picture) return;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const place = this.view.place();
    const [rows, columns] = this.shape;
    pen.imageSmoothingEnabled = place.scale < 2;
    pen.drawImage(this.picture, place.left, place.top, columns * place.scale, rows * place.scale);
    let legend = null;
    if (this.overlay === "mask" && this.mask) drawMask(pen, this.mask, place);
    if (this.overlay in WINDOW_VALUES && this.windows) {
      const [low, high] = drawWindows(pen, this.windows, this.overlay, this.shape, place);
      legend = { low, high, words: `${WINDOW_VALUES[this.overlay]} per window` };
    }
    canvas.dataset.drawn = this.showAtoms && this.columns ? String(this.drawAtoms(pen, place, (found) => { legend ??= found; })) : "0";
    canvas.dataset.zoom = this.view.zoom.toFixed(2);
    if (this.pixelNm) drawScaleBar(pen, place, this.pixelNm);
    this.onLegend(legend);
  }

  shown(k) {
    return (this.columns.confidence?.[k] ?? 1) >= this.leastConfidence;
  }

  /** Returns how many were drawn. */
  drawAtoms(pen, { scale, left, top, box }, onLegend) {
    const { y_px: y, x_px: x, sigma_px: sigma } = this.columns;
    const { colour, legend } = colouring(this.columns, this.colourBy);
    onLegend(legend);
    const groups = new Map();
    let drawn = 0;
    for (let k = 0; k < y.length; k += 1) {
      if (!this.shown(k)) continue;
      drawn += 1;
      const radius = Math.max(2.5, (sigma?.[k] ?? 2) * Math.SQRT2 * scale);
      const [px, py] = [left + (x[k] + 0.5) * scale, top + (y[k] + 0.5) * scale];
      if (px < -radius || py < -radius || px > box.width + radius || py > box.height + radius) continue;
      const one = colour(k);
      if (!groups.has(one)) groups.set(one, new Path2D());
      groups.get(one).moveTo(px + radius, py);
      groups.get(one).arc(px, py, radius, 0, 2 * Math.PI);
    }
    const width = y.length > 1500 && this.view.zoom < 2 ? 1 : 1.7;
    for (const [one, path] of groups) {
      pen.lineWidth = width + 1.4;
      pen.strokeStyle = "rgb(0 0 0 / 55%)";
      pen.stroke(path);
      pen.lineWidth = width;
      pen.strokeStyle = one;
      pen.stroke(path);
    }
    if (this.hovered >= 0) {
      pen.lineWidth = 2;
      pen.strokeStyle = "#fff";
      const [px, py] = [left + (x[this.hovered] + 0.5) * scale, top + (y[this.hovered] + 0.5) * scale];
      pen.strokeRect(px - 9, py - 9, 18, 18);
    }
    return drawn;
  }

  point(index, onHover) {
    if (index === this.hovered) return;
    this.hovered = index;
    this.draw();
    onHover(index < 0 ? null : Object.fromEntries(Object.entries(this.columns).map(([name, column]) => [name, column[index]])));
  }

  nearest(event) {
    if (!this.shape || !this.columns || !this.showAtoms || this.view.dragged) return -1;
    const at = this.view.imagePoint(event);
    let [best, least] = [-1, (HOVER_REACH_PX / this.view.place().scale) ** 2];
    const { y_px: y, x_px: x } = this.columns;
    for (let k = 0; k < y.length; k += 1) {
      const distance = (y[k] - at.y) ** 2 + (x[k] - at.x) ** 2;
      if (distance < least && this.shown(k)) [best, least] = [k, distance];
    }
    return best;
  }
}
