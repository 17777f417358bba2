// Loads frames one at a time. What is asked meanwhile is done once, for the newest only: no queue builds up.

import { getImage, getJsonOrNull, getMask } from "./api.js";

const MAX_SIDE_PX = 2048;
const COLUMNS = ["y_px", "x_px", "sigma_px", "class_id", "confidence"];

export class Loader {
  /** draw(loaded): show it; problem(error); extras(): {contrast, overlay} that the page wants now. */
  constructor({ draw, problem, extras }) {
    Object.assign(this, { draw, problem, extras });
    this.loading = false;
    this.wanted = null;
    this.pixels = null; // {key, picture}: the image loaded last
  }

  /** path: of a frame view; frameId: where the view is known to be that frame's, so that all is asked at once. */
  async ask(path, frameId = null) {
    this.wanted = { path, frameId };
    if (this.loading) return;
    this.loading = true;
    while (this.wanted) {
      const next = this.wanted;
      this.wanted = null;
      try {
        if (next.frameId) await this.load(getJsonOrNull(next.path), `/v1/frames/${next.frameId}`);
        else {
          const view = await getJsonOrNull(next.path);
          if (view) await this.load(view, view.links.self);
        }
      } catch (error) {
        if (error.status !== 404 && error.status !== 0) this.problem(error);
      }
    }
    this.loading = false;
  }

  async load(asked, base) {
    const { overlay, colourBy } = this.extras();
    const names = [...new Set([...COLUMNS, colourBy])];
    const [view, picture, atoms, front, classes, mask, windows] = await Promise.all([
      asked,
      this.image(base),
      this.columns(base, names),
      getJsonOrNull(`${base}/front`),
      getJsonOrNull(`${base}/classes?arrays=false`),
      overlay === "mask" ? getMask(`${base}/mask`) : null,
      overlay !== "mask" && overlay !== "none" ? getJsonOrNull(`${base}/windows`) : null,
    ]);
    if (!view) return;
    await this.draw({ view, picture, columns: atoms?.columns ?? null, front, classes, mask, windows });
  }

  /** The columns that are drawn; all there are where one of them is missing. */
  async columns(base, names) {
    try {
      return await getJsonOrNull(`${base}/atoms?columns=${names.join(",")}`);
    } catch (problem) {
      if (problem.code !== "unknown-column") throw problem;
      return getJsonOrNull(`${base}/atoms`);
    }
  }

  async image(base) {
    const { low, high, gamma } = this.extras().contrast;
    const key = `${base}/image?low=${low}&high=${high}&gamma=${gamma}&max_side_px=${MAX_SIDE_PX}`;
    if (this.pixels?.key !== key) this.pixels = { key, picture: await getImage(key) };
    return this.pixels.picture;
  }
}

