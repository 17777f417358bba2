// The frame's controls: what atoms are coloured by, what lies over the frame, contrast, zoom.

import { COLUMN_WORDS } from "./colouring.js";
import { ramp } from "./palette.js";

const $ = (id) => document.getElementById(id);
const CONTRAST_WAIT_MS = 120;

export class FrameControls {
  /** onLoad(): something must be fetched anew (contrast, overlay). */
  constructor(map, onLoad) {
    this.map = map;
    this.onLoad = onLoad;
    this.timer = null;
    const redraw = (id, event, change) => $(id).addEventListener(event, ({ target }) => { change(target); map.draw(); map.follower?.draw(); });
    redraw("show-atoms", "change", (box) => { map.look.showAtoms = box.checked; map.point(-1); });
    this.offer(Object.keys(COLUMN_WORDS));
    $("colour-by").addEventListener("change", ({ target }) => { map.look.colourBy = target.value; onLoad(); });
    redraw("least-confidence", "input", (slider) => {
      map.look.leastConfidence = Number(slider.value);
      $("least-confidence-told").textContent = Number(slider.value) === 0 ? "all" : `≥ ${Number(slider.value).toFixed(2)}`;
    });
    $("overlay").addEventListener("change", ({ target }) => { map.look.overlay = target.value; onLoad(); });
    for (const id of ["low", "high", "gamma"]) $(id).addEventListener("input", () => this.contrastChanged());
    $("contrast-reset").addEventListener("click", () => {
      for (const id of ["low", "high", "gamma"]) $(id).value = $(id).defaultValue;
      this.contrastChanged();
    });
    $("zoom-in").addEventListener("click", () => map.view.zoomBy(1.5));
    $("zoom-out").addEventListener("click", () => map.view.zoomBy(1 / 1.5));
    $("zoom-fit").addEventListener("click", () => { map.view.reset(); map.view.onChange(); });
  }

  /** The columns that atoms can be coloured by. */
  offer(names) {
    const held = [...$("colour-by").options].map((one) => one.value);
    const added = names.filter((name) => !held.includes(name));
    $("colour-by").append(...added.map((name) => new Option(COLUMN_WORDS[name] ?? name.replaceAll("_", " "), name)));
  }

  /** The next entry of a list, as if chosen. */
  next(id) {
    const select = $(id);
    select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
    select.dispatchEvent(new Event("change"));
  }

  get contrast() {
    const [low, high] = [Number($("low").value), Number($("high").value)];
    return { low: Math.min(low, high - 0.5), high, gamma: Number($("gamma").value) };
  }

  contrastChanged() {
    const { low, high, gamma } = this.contrast;
    $("contrast-told").textContent = `black ${low} %, white ${high} %, gamma ${gamma}`;
    clearTimeout(this.timer);
    this.timer = setTimeout(this.onLoad, CONTRAST_WAIT_MS);
  }
}

/** The legend under the frame: a ramp from low to high, or named colours. */
export function showLegend(holder, legend) {
  const key = JSON.stringify(legend);
  if (holder.dataset.key === key) return;
  holder.dataset.key = key;
  holder.replaceChildren();
  if (!legend) return null;
  const number = (value) => Number(value.toPrecision(3)).toString();
  if (legend.entries) {
    holder.append(...legend.entries.map(([words, colour]) => {
      const entry = document.createElement("span");
      entry.className = "entry";
      entry.style.setProperty("--stage-colour", colour);
      entry.textContent = words;
      entry.title = words;
      return entry;
    }));
    return null;
  }
  if (legend.low === undefined) return holder.append(legend.words);
  const bar = document.createElement("i");
  bar.className = "ramp";
  bar.style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map(ramp).join(", ")})`;
  return holder.append(`${legend.words} ${number(legend.low)}`, bar, number(legend.high));
}
