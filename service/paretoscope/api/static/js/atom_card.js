// The row of the atom under the pointer, every column, beside it on the frame.

import { getJsonOrNull } from "./api.js";
import { atomRow, atomWords } from "./numbers.js";

const OFFSET_PX = 16;
const DIRECTIONS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export class AtomCard {
  /** card: dl; line: the short words under the frame; onNames(columns): every column there is. */
  constructor(map, card, line, onNames) {
    Object.assign(this, { map, card, line, onNames, key: null, columns: null });
    map.canvas.addEventListener("keydown", (event) => {
      if (!event.shiftKey || !(event.key in DIRECTIONS)) return;
      event.preventDefault();
      map.walk(DIRECTIONS[event.key]);
    });
  }

  async show(index) {
    this.card.hidden = index < 0;
    this.line.textContent = index < 0 ? "\u00a0" : atomWords(this.map.columns, index);
    if (index < 0) return;
    const { frameId, revision } = this.map.content;
    const key = `${frameId}.${revision}`;
    this.fill(this.key === key ? this.columns : this.map.columns, index);
    if (this.key === key) return;
    const all = await getJsonOrNull(`/v1/frames/${frameId}/atoms`).catch(() => null); // the drawn columns stay
    if (!all || all.revision !== undefined && all.revision !== revision) return;
    Object.assign(this, { key, columns: all.columns });
    this.onNames(Object.keys(all.columns));
    if (this.map.hovered === index) this.fill(all.columns, index);
  }

  fill(columns, index) {
    this.card.replaceChildren(...atomRow(columns, index, this.map.look.classNames).flatMap(([name, said]) => [
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: said }),
    ]));
    const { x, y } = this.map.placeOf(index);
    const { width, height } = this.map.canvas.getBoundingClientRect();
    const own = this.card.getBoundingClientRect();
    const left = x + OFFSET_PX + own.width > width ? x - OFFSET_PX - own.width : x + OFFSET_PX;
    this.card.style.left = `${Math.max(4, left)}px`;
    this.card.style.top = `${Math.min(height - own.height - 4, Math.max(4, y - own.height / 2))}px`;
  }
}
