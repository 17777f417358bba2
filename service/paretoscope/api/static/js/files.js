// Images from files: dropped anywhere on the page, or chosen; analysed on a stream of their own.

import { ROUTES, turnedAway } from "./access.js";
import { sendFile } from "./api.js";
import { plural } from "./format.js";

const STREAM = "files";

export class Files {
  /** onTaken(stream, words): the service has them; onProblem(problem). */
  constructor({ button, input, curtain, onTaken, onProblem }) {
    Object.assign(this, { input, curtain, onTaken, onProblem });
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => { this.send([...input.files]); input.value = ""; });
    window.addEventListener("dragover", (event) => { event.preventDefault(); this.over(event.dataTransfer?.types.includes("Files")); });
    window.addEventListener("dragleave", (event) => { if (event.relatedTarget === null) this.over(false); });
    window.addEventListener("drop", (event) => {
      event.preventDefault();
      this.over(false);
      this.send([...(event.dataTransfer?.files ?? [])]);
    });
  }

  over(shown) {
    this.curtain.hidden = !shown;
  }

  async send(files) {
    if (turnedAway(ROUTES.send)) return;
    let taken = 0;
    const notes = [];
    for (const file of files) {
      try {
        const told = await sendFile(`/v1/frames?stream=${STREAM}&filename=${encodeURIComponent(file.name)}`, file);
        taken += 1;
        if (told.images > 1) notes.push(`${file.name} holds ${told.images} images, the first was taken.`);
        notes.push(...(told.notes ?? []));
      } catch (problem) {
        this.onProblem({ code: problem.code, message: `${file.name}: ${problem.message}` });
      }
    }
    if (taken) this.onTaken(STREAM, [`${plural(taken, "image")} sent to be analysed.`, ...notes].join(" "));
  }
}
