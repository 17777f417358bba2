// Loads frames one at a time. What is asked meanwhile is done once, for the newest only: no queue builds up.

import { getImage, getJsonOrNull, getMask } from "./api.js";

const MAX_SIDE_PX = 2048;

export class Loader {
  /** draw(loaded): show it; problem(error); extras(): {contrast, overlay} that the page wants now. */
  constructor({ draw, problem, extras }) {
    Object.assign(this, { draw, problem, extras });
    this.loading = false;
    this.wanted = null;
    this.pixels = null; // {key, picture}: the image loaded last
  }

  /** path: of a frame view. */
  async ask(path) {
    this.wanted = path;
    if (this.loading) return;
    this.loading = true;
    while (this.wanted) {
      const next = this.wanted;
      this.wanted = null;
      try {
        const view = await getJsonOrNull(next);
        if (view) await this.show(view);
      } catch (error) {
        if (error.status !== 404 && error.status !== 0) this.problem(error);
      }
    }
    this.loading = false;
  }

  async show(view) {
    const { links } = view;
    const { overlay } = this.extras();
    const [picture, atoms, front, classes, mask, windows] = await Promise.all([
      this.image(view),
      getJsonOrNull(links.atoms),
      getJsonOrNull(links.front),
      getJsonOrNull(links.classes),
      overlay === "mask" ? getMask(links.mask) : null,
      overlay !== "mask" && overlay !== "none" ? getJsonOrNull(links.windows) : null,
    ]);
    await this.draw({ view, picture, columns: atoms?.columns ?? null, front, classes, mask, windows });
  }

  async image(view) {
    const { low, high, gamma } = this.extras().contrast;
    const key = `${view.links.image}?low=${low}&high=${high}&gamma=${gamma}&max_side_px=${MAX_SIDE_PX}`;
    if (this.pixels?.key !== key) this.pixels = { key, picture: await getImage(key) };
    return this.pixels.picture;
  }
}

