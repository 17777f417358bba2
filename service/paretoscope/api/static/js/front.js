// The Pareto front: ER to the right, QC upwards, every point a listbox option that pointer and keys can pick.
// Walking goes from fewer false atoms (left) to fewer missed ones (right), as the balance below it does.

import { axes, make, Scales, staircase } from "./axes.js";
import { spread } from "./spread.js";

const APART_PX = 15;
const BEATEN = ", kept although another point is slightly better: clearer by tie-break, or the operator's own";

export class FrontPlot {
  /** onPick(index); onShow(index | null): the point under pointer or focus. */
  constructor(holder, onPick, onShow) {
    this.holder = holder;
    this.onPick = onPick;
    this.onShow = onShow;
    this.front = null;
    this.busy = null;
    this.focused = 0;
    this.order = []; // indices from least ER to least QC
    new ResizeObserver(() => this.draw()).observe(holder);
  }

  show(front) {
    this.front = front;
    this.busy = null;
    this.focused = front?.chosen ?? 0;
    this.order = (front?.points ?? []).map((_, k) => k).toSorted((a, b) => {
      const [one, other] = [front.points[a], front.points[b]];
      return one.er - other.er || other.qc - one.qc;
    });
    this.draw();
  }

  /** The point `count` steps from the one that is chosen or under way, or null at the end of the front. */
  beside(count) {
    if (!this.front || this.order.length === 0) return null;
    return this.order[this.order.indexOf(this.busy ?? this.front.chosen) + count] ?? null;
  }

  focus() {
    this.options?.[this.focused]?.focus();
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
    const scales = new Scales(points, width, height);
    const homes = points.map((point) => ({ x: scales.x(point.er), y: scales.y(point.qc) }));
    const places = spread(homes, APART_PX, scales.box);
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}` });
    svg.append(...axes(scales), staircase(points, scales), ...this.leaders(homes, places));
    const list = make("g", { role: "listbox", "aria-label": "Points of the Pareto front", "aria-orientation": "horizontal" });
    list.append(...points.map((point, index) => this.option(point, index, places[index], width)));
    list.addEventListener("keydown", (event) => this.key(event));
    svg.append(list);
    this.holder.append(svg);
    this.options = [...list.children]; // by index on the front
    if (hadFocus) this.options[this.focused]?.focus();
  }

  /** A line from each moved mark to where it belongs, and a dot there. */
  leaders(homes, places) {
    return homes.flatMap((home, k) => (places[k].moved ? [
      make("line", { class: "leader", x1: home.x, y1: home.y, x2: places[k].x, y2: places[k].y }),
      make("circle", { class: "home", cx: home.x, cy: home.y, r: 2 }),
    ] : []));
  }

  option(point, index, place, width) {
    const chosen = index === this.front.chosen;
    const option = make("g", {
      role: "option",
      tabindex: index === this.focused ? 0 : -1,
      "aria-selected": chosen,
      "aria-label": `Point ${index + 1} of ${this.front.points.length}: QC ${point.qc.toFixed(3)}, ER ${point.er.toFixed(3)}, ` +
        `${point.n_found} atoms${chosen ? ", chosen" : ""}${point.dominated ? BEATEN : ""}`,
      "data-point": index,
    });
    if (this.busy === index) option.dataset.busy = "";
    const at = { cx: place.x, cy: place.y };
    option.append(
      make("circle", { class: "ring", ...at, r: 9.5 }),
      make("circle", { class: point.dominated ? "point tied" : "point", ...at, r: 5 }),
      make("circle", { class: "reach", ...at, r: 8 }),
    );
    if (chosen) {
      const flip = at.cx > width - 90;
      option.append(make("text", { class: "label", x: at.cx + (flip ? -14 : 14), y: Math.max(12, at.cy - 8),
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
    const at = this.order.indexOf(this.focused);
    const moves = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last };
    if (event.key in moves) {
      this.options[this.focused].setAttribute("tabindex", -1);
      const next = this.options[this.order[Math.min(last, Math.max(0, moves[event.key]))]];
      next.setAttribute("tabindex", 0);
      next.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      this.onPick(this.focused);
    } else return;
    event.preventDefault();
  }
}
