// The Pareto front: QC to the right, ER upwards, every point a listbox option that pointer and keys can pick.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 54, right: 18, top: 12, bottom: 36 };

function make(name, attributes, ...children) {
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

export class FrontPlot {
  /** onPick(index); onShow(index | null): the point under pointer or focus. */
  constructor(holder, onPick, onShow) {
    this.holder = holder;
    this.onPick = onPick;
    this.onShow = onShow;
    this.front = null;
    this.busy = null;
    this.focused = 0;
    new ResizeObserver(() => this.draw()).observe(holder);
  }

  show(front) {
    this.front = front;
    this.busy = null;
    this.focused = front?.chosen ?? 0;
    this.draw();
  }

  setBusy(index) {
    this.busy = index;
    this.draw();
  }

  draw() {
    const hadFocus = this.holder.contains(document.activeElement);
    const { width, height } = this.holder.getBoundingClientRect();
    this.holder.replaceChildren();
    if (!this.front || this.front.points.length === 0 || width < 120 || height < 80) return;
    const { points } = this.front;
    const [xTicks, yTicks] = [ticks(Math.max(...points.map((p) => p.qc))), ticks(Math.max(...points.map((p) => p.er)))];
    const x = (qc) => MARGIN.left + (qc / xTicks.at(-1)) * (width - MARGIN.left - MARGIN.right);
    const y = (er) => height - MARGIN.bottom - (er / yTicks.at(-1)) * (height - MARGIN.top - MARGIN.bottom);
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}` });
    svg.append(...this.axes(xTicks, yTicks, x, y, width, height), this.steps(points, x, y));
    const list = make("g", { role: "listbox", "aria-label": "Points of the Pareto front", "aria-orientation": "horizontal" });
    list.append(...points.map((point, index) => this.option(point, index, x, y, width)));
    list.addEventListener("keydown", (event) => this.key(event));
    svg.append(list);
    this.holder.append(svg);
    this.options = [...list.children];
    if (hadFocus) this.options[this.focused]?.focus();
  }

  axes(xTicks, yTicks, x, y, width, height) {
    const [bottom, right] = [height - MARGIN.bottom, width - MARGIN.right];
    const parts = [];
    for (const tick of xTicks) {
      parts.push(make("line", { class: "grid", x1: x(tick), x2: x(tick), y1: MARGIN.top, y2: bottom }));
      parts.push(make("text", { class: "axis", x: x(tick), y: bottom + 14, "text-anchor": "middle" }, String(tick)));
    }
    for (const tick of yTicks) {
      parts.push(make("line", { class: "grid", x1: MARGIN.left, x2: right, y1: y(tick), y2: y(tick) }));
      parts.push(make("text", { class: "axis", x: MARGIN.left - 7, y: y(tick) + 4, "text-anchor": "end" }, String(tick)));
    }
    const middle = (MARGIN.top + bottom) / 2;
    parts.push(make("text", { class: "title", x: (MARGIN.left + right) / 2, y: height - 5, "text-anchor": "middle" },
      "QC: count off by this share (fewer missed atoms ←)"));
    parts.push(make("text", { class: "title", transform: `translate(11 ${middle}) rotate(-90)`, "text-anchor": "middle" },
      "ER: too close"));
    return parts;
  }

  steps(points, x, y) {
    const sorted = points.filter((p) => !p.dominated).toSorted((a, b) => a.qc - b.qc || b.er - a.er);
    const path = sorted.map((p, k) => (k === 0 ? `M${x(p.qc)} ${y(p.er)}` : `H${x(p.qc)}V${y(p.er)}`)).join("");
    return make("path", { class: "steps", d: path });
  }

  option(point, index, x, y, width) {
    const chosen = index === this.front.chosen;
    const option = make("g", {
      role: "option",
      tabindex: index === this.focused ? 0 : -1,
      "aria-selected": chosen,
      "aria-label": `Point ${index + 1} of ${this.front.points.length}: QC ${point.qc.toFixed(3)}, ER ${point.er.toFixed(3)}, ` +
        `${point.n_found} atoms${chosen ? ", chosen" : ""}` +
        (point.dominated ? ", kept although another point is slightly better: clearer by tie-break, or the operator's own" : ""),
      "data-point": index,
    });
    if (this.busy === index) option.dataset.busy = "";
    const at = { cx: x(point.qc), cy: y(point.er) };
    option.append(
      make("circle", { class: "ring", ...at, r: 10 }),
      make("circle", { class: point.dominated ? "point tied" : "point", ...at, r: 5 }),
      make("circle", { class: "reach", ...at, r: 11 }),
    );
    if (chosen) {
      const flip = at.cx > width - 90;
      option.append(make("text", { class: "label", x: at.cx + (flip ? -14 : 14), y: Math.max(12, at.cy - 9),
        "text-anchor": flip ? "end" : "start" }, "chosen"));
    }
    option.addEventListener("click", () => this.onPick(index));
    option.addEventListener("pointerenter", () => this.onShow(index));
    option.addEventListener("pointerleave", () => this.onShow(null));
    option.addEventListener("focus", () => { this.focused = index; this.onShow(index); });
    return option;
  }

  key(event) {
    const last = this.options.length - 1;
    const moves = {
      ArrowRight: Math.min(last, this.focused + 1), ArrowDown: Math.min(last, this.focused + 1),
      ArrowLeft: Math.max(0, this.focused - 1), ArrowUp: Math.max(0, this.focused - 1), Home: 0, End: last,
    };
    if (event.key in moves) {
      this.options[this.focused].setAttribute("tabindex", -1);
      const next = this.options[moves[event.key]];
      next.setAttribute("tabindex", 0);
      next.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      this.onPick(this.focused);
    } else return;
    event.preventDefault();
  }
}
