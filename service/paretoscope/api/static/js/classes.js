// The classes: how each looks on average, how much it varies, how many there are, what the operator calls it.

import { gate, ROUTES } from "./access.js";
import { plural } from "./format.js";
import { classColour } from "./palette.js";

const PICTURES_EVERY_MS = 1000;

export class ClassList {
  /** onName(classId, name); onPictured(classes): with the pictures, once a second at most. */
  constructor(list, onName, onPictured) {
    this.list = list;
    this.onName = onName;
    this.onPictured = onPictured;
    this.picturedAt = -PICTURES_EVERY_MS;
    this.later = null;
    this.pictures = true;
  }

  /** At many frames a second the pictures follow once a second, and the last of them always. */
  show(classes) {
    this.list.dataset.frame = classes?.frame_id ?? "";
    const early = performance.now() - this.picturedAt < PICTURES_EVERY_MS;
    clearTimeout(this.later);
    if (early) this.later = setTimeout(() => this.show(classes), PICTURES_EVERY_MS);
    else this.picturedAt = performance.now();
    this.pictures = !early;
    const ids = (classes?.classes ?? []).map((one) => one.class_id);
    const held = [...this.list.children].map((item) => Number(item.dataset.id));
    if (String(ids) !== String(held)) this.list.replaceChildren(...ids.map((id) => this.item(id)));
    const total = (classes?.classes ?? []).reduce((sum, one) => sum + one.count, 0);
    (classes?.classes ?? []).forEach((one, k) => this.fill(this.list.children[k], one, classes, total));
    if (this.pictures) this.onPictured(classes);
  }

  item(id) {
    const item = document.createElement("li");
    item.dataset.id = id;
    item.style.setProperty("--class-colour", classColour(id));
    const pictures = ["centroid", "dispersion"].map((kind) => {
      const picture = document.createElement("img");
      picture.dataset.kind = kind;
      return picture;
    });
    const told = document.createElement("div");
    told.className = "told";
    const name = document.createElement("input");
    gate(name, ROUTES.name);
    name.placeholder = `Class ${id}`;
    name.maxLength = 64;
    name.setAttribute("aria-label", `Name of class ${id}`);
    name.addEventListener("change", () => this.onName(id, name.value.trim() || null));
    name.addEventListener("keydown", (event) => { if (event.key === "Enter") name.blur(); }); // keys act again
    const count = document.createElement("span");
    count.className = "count";
    told.append(name, count);
    item.append(...pictures, told);
    return item;
  }

  fill(item, one, classes, total) {
    for (const picture of item.querySelectorAll("img")) {
      const { kind } = picture.dataset;
      if (!this.pictures && picture.src) continue;
      picture.src = `${classes.links[`${kind}:${one.class_id}`]}?scale=4&of=${classes.frame_id}.${classes.revision}`;
      picture.alt = `${kind === "centroid" ? "Mean" : "Variation"} of class ${one.name ?? one.class_id}`;
      picture.title = kind === "centroid" ? "Mean patch" : "Standard deviation round it";
    }
    const name = item.querySelector("input");
    if (document.activeElement !== name) name.value = one.name ?? "";
    const share = total > 0 ? Math.round((100 * one.count) / total) : 0;
    item.querySelector(".count").textContent = `${one.count} · ${share} %`;
    item.querySelector(".count").title = plural(one.count, "atom");
  }
}
