// Axes of the front: round ticks, grid lines, and what each axis means in words.

const SVG = "http://www.w3.org/2000/svg";
export const MARGIN = { left: 52, right: 20, top: 8, bottom: 34 };

export function make(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** About four round numbers from 0 to a little beyond `largest`. */
export function ticks(largest) {
  const span = Math.max(largest, 0.004);
  const power = 10 ** Math.floor(Math.log10(span / 3));
  const step = [1, 2, 5, 10].map((k) => k * power).find((one) => span / one <= 4.5);
  const count = Math.ceil(span / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, k) => Number((k * step).toPrecision(6)));
}

/** Places on screen for rewards: x(er), y(qc), and the plot's box. */
export class Scales {
  constructor(points, width, height) {
    Object.assign(this, { width, height });
    this.xTicks = ticks(Math.max(...points.map((p) => p.er)));
    this.yTicks = ticks(Math.max(...points.map((p) => p.qc)));
    this.box = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
  }

  x(er) {
    return this.box.left + (er / this.xTicks.at(-1)) * (this.box.right - this.box.left);
  }

  y(qc) {
    return this.box.bottom - (qc / this.yTicks.at(-1)) * (this.box.bottom - this.box.top);
  }
}

export function axes(scales) {
  const { box } = scales;
  const parts = [];
  for (const tick of scales.xTicks) {
    const x = scales.x(tick);
    parts.push(make("line", { class: "grid", x1: x, x2: x, y1: box.top, y2: box.bottom }));
    parts.push(make("text", { class: "axis", x, y: box.bottom + 13, "text-anchor": "middle" }, percent(tick)));
  }
  for (const tick of scales.yTicks) {
    const y = scales.y(tick);
    parts.push(make("line", { class: "grid", x1: box.left, x2: box.right, y1: y, y2: y }));
    parts.push(make("text", { class: "axis", x: box.left - 7, y: y + 4, "text-anchor": "end" }, percent(tick)));
  }
  const middle = (box.top + box.bottom) / 2;
  parts.push(
    make("text", { class: "title", x: (box.left + box.right) / 2, y: scales.height - 5, "text-anchor": "middle" },
      "ER: atoms too close to be real, %"),
    make("text", { class: "title", transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "middle" },
      "QC: count off, %"),
  );
  return parts;
}

function percent(share) {
  return String(Number((100 * share).toPrecision(6)));
}

/** The staircase that the points of the front hold down. */
export function staircase(points, scales) {
  const sorted = points.filter((p) => !p.dominated).toSorted((a, b) => a.er - b.er || b.qc - a.qc);
  const step = (p, k) => (k === 0 ? `M${scales.x(p.er)} ${scales.y(p.qc)}` : `H${scales.x(p.er)}V${scales.y(p.qc)}`);
  return make("path", { class: "steps", d: sorted.map(step).join("") });
}
