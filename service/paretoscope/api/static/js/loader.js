// Loads frames one at a time. What is asked meanwhile is done once, for the newest only: no queue builds up.

import { getImage, getJsonOrNull, getMask } from "./api.js";
import { WINDOW_VALUES } from "./overlay.js";

const MAX_SIDE_PX = 2048;
const DRAWN = ["y_px", "x_px", "sigma_px", "class_id", "confidence"];
const KEPT = 4; // frames in memory: the one shown, the one compared with, and those just before

export class Loader {
  /** draw(loaded): show it; problem(error); wants(): {contrast, overlay, colourBy} of the page now; drawn(): the pictures
   *  that are on the screen. */
  constructor({ draw, problem, wants, drawn }) {
    Object.assign(this, { draw, problem, wants, drawn });
    this.loading = false;
    this.wanted = null;
    this.kept = new Map(); // key -> loaded
    this.windows = null; // the last parameter map: frames that reuse an operating point make none
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
        if (next.frameId) await this.show(getJsonOrNull(next.path), next.frameId);
        else {
          const view = await getJsonOrNull(next.path);
          if (view) await this.show(view, view.frame_id);
        }
      } catch (error) {
        if (error.status !== 404 && error.status !== 0) this.problem(error);
      }
    }
    this.loading = false;
  }

  async show(asked, frameId) {
    const loaded = await this.load(asked, frameId);
    if (loaded) await this.draw(loaded);
  }

  /** A frame beside the one that is shown, from memory where it is there. */
  async peek(frameId) {
    const held = this.kept.get(this.key(frameId));
    return held?.view.state === "done" && !held.old ? held : this.load(getJsonOrNull(`/v1/frames/${frameId}`), frameId);
  }

  /** Its atoms changed: what is in memory of it is old, but for its picture. */
  forget(frameId) {
    const held = this.kept.get(this.key(frameId));
    if (held) held.old = true;
  }

  keep(key, loaded) {
    this.kept.delete(key);
    this.kept.set(key, loaded);
    while (this.kept.size > KEPT) {
      const [oldest, { picture }] = this.kept.entries().next().value;
      this.kept.delete(oldest);
      if (!this.drawn().includes(picture)) picture.close(); // megabytes, which would stay until garbage is collected
    }
  }

  key(frameId) {
    const { low, high, gamma } = this.wants().contrast;
    return `${frameId} ${low} ${high} ${gamma}`;
  }

  /** Everything of a frame that the page draws, or null where the frame is no longer kept. */
  async load(asked, frameId) {
    const { overlay, colourBy } = this.wants();
    const key = this.key(frameId);
    const base = `/v1/frames/${frameId}`;
    const [view, picture, atoms, front, classes, mask, windows] = await Promise.all([
      asked,
      this.kept.get(key)?.picture ?? this.image(base),
      this.columns(base, [...new Set([...DRAWN, colourBy])]),
      getJsonOrNull(`${base}/front`),
      getJsonOrNull(`${base}/classes?arrays=false`),
      overlay === "mask" ? getMask(`${base}/mask`) : null,
      overlay in WINDOW_VALUES ? getJsonOrNull(`${base}/windows`) : null,
    ]);
    if (!view) return null;
    if (windows) this.windows = { stream: view.stream, map: windows };
    const held = this.windows?.stream === view.stream ? this.windows.map : null;
    const loaded = { view, picture, columns: atoms?.columns ?? null, front, classes, mask, windows: windows ?? held };
    this.keep(key, loaded);
    return loaded;
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

  image(base) {
    const { low, high, gamma } = this.wants().contrast;
    return getImage(`${base}/image?low=${low}&high=${high}&gamma=${gamma}&max_side_px=${MAX_SIDE_PX}`);
  }
}
