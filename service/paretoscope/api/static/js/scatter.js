// The atoms' surroundings as two principal components: a dot an atom, in its class's colour.

import { cleared } from "./canvas.js";
import { classColour } from "./palette.js";

const MARGIN = { left: 18, right: 4, top: 4, bottom: 18 };
const REACH_PX = 10;

export class Scatter {
  /** onHover(atom | -1): the atom whose dot is under the pointer. */
  constructor(canvas, onHover) {
    this.canvas = canvas;
    this.onHover = onHover;
    this.classes = null;
    this.marked = -1;
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointermove", (event) => this.onHover(this.nearest(event)));
    canvas.addEventListener("pointerleave", () => this.onHover(-1));
  }

  /** classes: with labels (atoms,), components (atoms, 2), explained_variance. */
  show(classes) {
    this.classes = classes;
    this.marked = -1;
    const rows = (classes?.components ?? []).filter(([one]) => one !== null);
    this.spans = [0, 1].map((axis) => span(rows.map((row) => row[axis])));
    this.draw();
    this.canvas.dataset.frame = classes?.frame_id ?? "";
    this.canvas.dataset.dots = String(rows.length);
    this.canvas.setAttribute("aria-label", `${rows.length} atoms by their first two principal components, ` +
      `in ${classes?.classes.length ?? 0} classes`);
  }

  mark(atom) {
    if (atom === this.marked) return;
    this.marked = atom;
    this.draw();
  }

  place(row, box) {
    const unit = (axis) => (row[axis] - this.spans[axis][0]) / (this.spans[axis][1] - this.spans[axis][0] || 1);
    return {
      x: MARGIN.left + unit(0) * (box.width - MARGIN.left - MARGIN.right),
      y: box.height - MARGIN.bottom - unit(1) * (box.height - MARGIN.top - MARGIN.bottom),
    };
  }

  draw() {
    const { canvas, classes } = this;
    const ratio = window.devicePixelRatio || 1;
    const box = canvas.getBoundingClientRect();
    const pen = cleared(canvas, box, ratio);
    if (!classes?.components || box.width < 60) return;
    this.axes(pen, box);
    const size = classes.components.length > 1500 ? 2.2 : 3.2;
    pen.globalAlpha = 0.75;
    classes.components.forEach((row, k) => {
      if (row[0] === null) return;
      const { x, y } = this.place(row, box);
      pen.fillStyle = classColour(classes.labels[k]);
      pen.fillRect(x - size / 2, y - size / 2, size, size);
    });
    pen.globalAlpha = 1;
    const row = classes.components[this.marked];
    if (!row || row[0] === null) return;
    const { x, y } = this.place(row, box);
    pen.strokeStyle = "#fff";
    pen.lineWidth = 2;
    pen.strokeRect(x - 6, y - 6, 12, 12);
  }

  axes(pen, box) {
    pen.strokeStyle = "#2c3a48";
    pen.strokeRect(MARGIN.left + 0.5, MARGIN.top + 0.5, box.width - MARGIN.left - MARGIN.right - 1, box.height - MARGIN.top - MARGIN.bottom - 1);
    pen.fillStyle = "#b9c7d4";
    pen.font = "11px system-ui, sans-serif";
    pen.textAlign = "center";
    const share = (axis) => {
      const value = this.classes.explained_variance?.[axis];
      return value === null || value === undefined ? "" : `, ${Math.round(100 * value)} %`;
    };
    pen.fillText(`PC 1${share(0)}`, box.width / 2, box.height - 4);
    pen.save();
    pen.translate(11, (box.height - MARGIN.bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(`PC 2${share(1)}`, 0, 0);
    pen.restore();
  }

  nearest(event) {
    if (!this.classes?.components) return -1;
    const box = this.canvas.getBoundingClientRect();
    let [best, least] = [-1, REACH_PX ** 2];
    this.classes.components.forEach((row, k) => {
      if (row[0] === null) return;
      const { x, y } = this.place(row, box);
      const distance = (x - event.clientX + box.left) ** 2 + (y - event.clientY + box.top) ** 2;
      if (distance < least) [best, least] = [k, distance];
    });
    return best;
  }
}

/** A little beyond the 0.5th and 99.5th percentiles: single odd atoms do not squeeze the rest. */
function span(values) {
  if (values.length === 0) return [0, 1];
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor(0.005 * (sorted.length - 1))], sorted[Math.ceil(0.995 * (sorted.length - 1))]];
  const rim = 0.06 * (high - low || 1);
  return [low - rim, high + rim];
}
