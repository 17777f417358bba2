// The operator's picks: one under way at a time, the last one asked wins, and each can be taken back.

import { ROUTES, turnedAway } from "./access.js";
import { sendJson } from "./api.js";

const KEPT = 20;

export class Picks {
  /** page: {view(), scope(), onBusy(point | null), onView(view), onProblem(problem), onChange()} */
  constructor(page) {
    this.page = page;
    this.past = []; // what each pick replaced: {params, scope, frameId}
    this.running = false;
    this.next = null;
  }

  /** what: {point} or {weight}. `same` marks a pick that goes on from the one before (a slider in motion). */
  choose(what, same = false) {
    const view = this.page.view();
    if (!view || turnedAway(ROUTES.choice)) return;
    const scope = this.page.scope();
    const before = same ? null : { params: view.params, scope, frameId: view.frame_id };
    this.send(view, { ...what, scope }, before);
  }

  get undoable() {
    return this.past.length > 0;
  }

  undo() {
    const view = this.page.view();
    const before = this.past.pop();
    this.page.onChange();
    if (!view || !before) return;
    const on = before.scope === "frame" ? before.frameId : view.frame_id;
    this.send({ ...view, links: { choice: `/v1/frames/${on}/choice` } }, { params: before.params, scope: before.scope }, null);
  }

  send(view, body, before) {
    this.next = { view, body, before: before ?? this.next?.before ?? null };
    if (!this.running) this.run();
  }

  async run() {
    this.running = true;
    while (this.next) {
      const { view, body, before } = this.next;
      this.next = null;
      this.page.onBusy(body.point ?? null);
      try {
        const answer = await sendJson("POST", view.links.choice, { ...body, by: "dashboard" });
        if (before?.params) this.past = [...this.past, before].slice(-KEPT);
        if (answer.frame) await this.page.onView(answer.frame, answer.revision);
        else this.page.onProblem({ code: "choice-queued", message: "The pick is kept; its result is still being made." });
      } catch (problem) {
        this.page.onProblem(problem);
      }
      this.page.onBusy(null);
      this.page.onChange();
    }
    this.running = false;
  }

  /** Another stream's picks cannot be undone here. */
  forget() {
    this.past = [];
    this.page.onChange();
  }
}
