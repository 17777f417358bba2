// Save a frame: every format the service writes, and the picture as it stands on the screen.

import { getFile, getJsonOrNull } from "./api.js";

export class ExportMenu {
  /** list: the menu in its popover; shown(): id of the frame on the screen; canvas: what is drawn of it; problem(error). */
  constructor({ list, shown, canvas, problem }) {
    Object.assign(this, { list, shown, canvas, problem });
    list.closest("[popover]").addEventListener("beforetoggle", ({ newState }) => { if (newState === "open") this.fill(); });
  }

  /** Asked once: what a service writes does not change while it runs. */
  async fill() {
    const told = this.told ?? await getJsonOrNull("/v1/formats").catch(this.problem);
    this.told = told;
    this.list.replaceChildren(
      ...(told?.exports ?? []).map(({ format, what, ending }) => this.entry(what, ending, () => this.save(format))),
      this.entry("Picture as it stands on the screen", "-view.png",
        () => this.canvas.toBlob((blob) => keep(blob, `${this.shown()}-view.png`))),
    );
    this.list.querySelector("button").focus();
  }

  entry(what, ending, save) {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(what, Object.assign(document.createElement("span"), { textContent: ending }));
    button.addEventListener("click", () => { this.list.closest("[popover]").hidePopover(); save(); });
    item.append(button);
    return item;
  }

  async save(format) {
    const frameId = this.shown();
    try {
      const { blob, name } = await getFile(`/v1/frames/${frameId}/export?format=${format}`);
      keep(blob, name ?? `${frameId}.${format}`);
    } catch (problem) {
      this.problem(problem);
    }
  }
}

export function keep(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
