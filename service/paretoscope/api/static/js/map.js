// The frame on a canvas, its atoms over it.

import { classColour, ramp } from "./palette.js";

const HOVER_REACH_PX = 14;

export class AtomCanvas {
  /** onHover(row | null): the atom under the pointer, as {y_px, x_px, ...}. */
  constructor(canvas, onHover) {
    this.canvas = canvas;
    this.picture = null;
    this.shape = null; // [rows, columns]
    this.columns = null;
    this.colourBy = "class_id";
    this.showAtoms = true;
    this.pixelNm = null;
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointermove", (event) => onHover(this.nearest(event)));
    canvas.addEventListener("pointerleave", () => onHover(null));
  }

  show(frame) {
    Object.assign(this, frame);
    const count = this.columns ? this.columns.y_px.length : 0;
    this.canvas.dataset.atoms = String(count);
    this.canvas.dataset.revision = String(frame.revision ?? 0);
    this.canvas.setAttribute("aria-label", `Frame of ${this.shape.join(" by ")} pixels with ${count} atoms marked`);
    this.draw();
  }

  /** Screen pixels per image pixel, and where the image begins. */
  place() {
    const [rows, columns] = this.shape;
    const box = this.canvas.getBoundingClientRect();
    const scale = Math.min(box.width / columns, box.height / rows);
    return { scale, left: (box.width - columns * scale) / 2, top: (box.height - rows * scale) / 2, box };
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
    const { scale, left, top } = this.place();
    const [rows, columns] = this.shape;
    pen.imageSmoothingEnabled = scale < 2;
    pen.drawImage(this.picture, left, top, columns * scale, rows * scale);
    if (this.showAtoms && this.columns) this.drawAtoms(pen, scale, left, top);
    if (this.pixelNm) this.drawScaleBar(pen, scale, left, top + rows * scale);
  }

  drawAtoms(pen, scale, left, top) {
    const { y_px: y, x_px: x, sigma_px: sigma } = this.columns;
    const value = this.columns[this.colourBy];
    const groups = new Map();
    for (let k = 0; k < y.length; k += 1) {
      const one = value ? value[k] : null;
      const colour = this.colourBy === "class_id" ? classColour(one) : ramp(Math.round((one ?? 0) * 20) / 20);
      if (!groups.has(colour)) groups.set(colour, new Path2D());
      const radius = Math.max(2.5, (sigma?.[k] ?? 2) * Math.SQRT2 * scale);
      const [px, py] = [left + (x[k] + 0.5) * scale, top + (y[k] + 0.5) * scale];
      groups.get(colour).moveTo(px + radius, py);
      groups.get(colour).arc(px, py, radius, 0, 2 * Math.PI);
    }
    const width = y.length > 1500 ? 1 : 1.7;
    for (const [colour, path] of groups) {
      pen.lineWidth = width + 1.4;
      pen.strokeStyle = "rgb(0 0 0 / 55%)";
      pen.stroke(path);
      pen.lineWidth = width;
      pen.strokeStyle = colour;
      pen.stroke(path);
    }
  }

  drawScaleBar(pen, scale, left, bottom) {
    const target = (120 / scale) * this.pixelNm;
    const power = 10 ** Math.floor(Math.log10(target));
    const length = [5, 2, 1].map((k) => k * power).find((nm) => nm <= target) ?? power;
    const width = (length / this.pixelNm) * scale;
    pen.fillStyle = "rgb(0 0 0 / 60%)";
    pen.fillRect(left + 12, bottom - 42, width + 20, 32);
    pen.fillStyle = "#fff";
    pen.fillRect(left + 22, bottom - 19, width, 3);
    pen.font = "600 12px system-ui, sans-serif";
    pen.fillText(length >= 1 ? `${length} nm` : `${Math.round(length * 1000)} pm`, left + 22, bottom - 25);
  }

  nearest(event) {
    if (!this.shape || !this.columns || !this.showAtoms) return null;
    const { scale, left, top, box } = this.place();
    const [px, py] = [(event.clientX - box.left - left) / scale - 0.5, (event.clientY - box.top - top) / scale - 0.5];
    let [best, least] = [-1, (HOVER_REACH_PX / scale) ** 2];
    const { y_px: y, x_px: x } = this.columns;
    for (let k = 0; k < y.length; k += 1) {
      const distance = (y[k] - py) ** 2 + (x[k] - px) ** 2;
      if (distance < least) [best, least] = [k, distance];
    }
    if (best < 0) return null;
    return Object.fromEntries(Object.entries(this.columns).map(([name, column]) => [name, column[best]]));
  }
}
