// Frames that workers died over: each with its picture and the reason, to be fetched, analysed once more, or let go.

import { gate, ROUTES } from "./access.js";
import { getFile, getJson, remove, sendJson } from "./api.js";
import { keep } from "./exports.js";
import { plural } from "./format.js";

const NPY = "application/x-npy";

export class DeadLetterList {
  /** list: ul; note: says how many; onProblem(problem); onDone(words). */
  constructor({ list, note, onProblem, onDone }) {
    Object.assign(this, { list, note, onProblem, onDone, items: new Map() });
  }

  async ask() {
    try {
      this.show((await getJson("/v1/dead-letters")).letters);
    } catch (problem) {
      this.onProblem(problem);
    }
  }

  show(letters) {
    this.note.textContent = letters.length ? `${plural(letters.length, "frame")} that workers died over` : "none: no frame killed its workers";
    const ids = letters.map((one) => `${one.frame_id} ${one.at}`);
    for (const id of this.items.keys()) if (!ids.includes(id)) this.items.delete(id);
    letters.forEach((one, k) => { if (!this.items.has(ids[k])) this.items.set(ids[k], this.item(one)); });
    const wanted = ids.map((id) => this.items.get(id));
    if (String(wanted.map((one) => one.dataset.frame)) !== String([...this.list.children].map((one) => one.dataset.frame))) this.list.replaceChildren(...wanted);
  }

  item(letter) {
    const item = document.createElement("li");
    item.dataset.frame = letter.frame_id;
    const picture = Object.assign(document.createElement("img"), { src: letter.links.image, alt: "", loading: "lazy" });
    const told = document.createElement("div");
    told.append(Object.assign(document.createElement("b"), { className: "mono", textContent: letter.frame_id }),
      Object.assign(document.createElement("p"), { textContent: `${letter.code}. ${letter.hint}` }),
      Object.assign(document.createElement("p"), { className: "quiet", textContent:
        `${new Date(letter.at).toLocaleString()} · handed out ${plural(letter.deliveries, "time")}` }));
    const actions = document.createElement("div");
    actions.className = "head";
    actions.append(
      this.button("Pixels", `Save the very numbers of ${letter.frame_id} as npy`, () => this.fetch(letter)),
      gate(this.button("Analyse again", `Queue ${letter.frame_id} once more, under its own name`, () => this.retry(letter)), ROUTES.retry),
      this.discardButton(letter),
    );
    told.append(actions);
    item.append(picture, told);
    return item;
  }

  button(words, title, run) {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: words, title });
    made.addEventListener("click", () => Promise.resolve(run()).catch(this.onProblem));
    return made;
  }

  /** It cannot be taken back, so it is asked twice. */
  discardButton(letter) {
    const made = gate(this.button("Let go", `Forget ${letter.frame_id} with its pixels`, async () => {
      if (!("sure" in made.dataset)) {
        made.dataset.sure = "";
        made.textContent = "Let go for good?";
        return;
      }
      await remove(`/v1/dead-letters/${letter.frame_id}`);
      this.onDone(`${letter.frame_id} is let go.`);
      await this.ask();
    }), ROUTES.discard);
    made.addEventListener("blur", () => { delete made.dataset.sure; made.textContent = "Let go"; });
    return made;
  }

  async fetch(letter) {
    const { blob } = await getFile(letter.links.image, NPY);
    keep(blob, `${letter.frame_id}.npy`);
  }

  async retry(letter) {
    await sendJson("POST", letter.links.retry, {});
    this.onDone(`${letter.frame_id} is queued once more.`);
    await this.ask();
  }
}
