// What becomes of frames that come faster than they are analysed: kept, or dropped, and by which rule. What drops frames
// is asked twice, and can be set back; what another one sets meanwhile is told, and does not overwrite what one is typing.

import { plural } from "./format.js";

const $ = (id) => document.getElementById(id);
const UNITS_S = { s: 1, min: 60 };

const wait = (seconds) => (seconds >= 60 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`);

/** "every frame in order", "the newest 2 kept, none older than 30 s". */
export function dropWords({ drop, keep_newest: newest, max_age_s: age }) {
  const rule = { wait: "every frame in order", drop: "dropped while busy", newest: `newest ${newest} kept` }[drop];
  return age ? `${rule}, none older than ${wait(age)}` : rule;
}

const dropsNone = (policy) => policy.drop === "wait" && !policy.max_age_s;

export class DropPolicy {
  /** policy: the stream's; waiting(): how many frames wait; frameS(): seconds a frame takes, or null. */
  constructor({ policy, waiting, frameS }) {
    Object.assign(this, { policy, waiting, frameS, dirty: false, before: null });
    $("drop-form").addEventListener("submit", (event) => { event.preventDefault(); this.ask(); });
    $("drop-form").addEventListener("input", () => { this.dirty = true; this.told(); });
    $("drop-sure").addEventListener("click", () => this.keep(this.read()));
    $("drop-unsure").addEventListener("click", () => this.fill(this.policy.known));
    $("drop-undo").addEventListener("click", () => this.keep(this.before));
  }

  /** The policy as it stands. What is being typed stays. */
  show(policy) {
    if (!this.dirty) this.fill(policy);
    $("drop-now").textContent = `In force: ${dropWords(policy)}.`;
  }

  forget() {
    Object.assign(this, { dirty: false, before: null });
    $("drop-undo").hidden = true;
    $("drop-other").textContent = "";
  }

  fill(policy) {
    this.dirty = false;
    document.querySelector(`input[name=drop-rule][value=${policy.drop}]`).checked = true;
    $("keep-newest").value = policy.keep_newest;
    const unit = policy.max_age_s && policy.max_age_s % 60 === 0 ? "min" : "s";
    $("max-age-unit").value = unit;
    $("max-age").value = policy.max_age_s ? policy.max_age_s / UNITS_S[unit] : "";
    this.told();
  }

  /** The fields of the policy as the form has them. */
  read() {
    const age = $("max-age").value.trim();
    return {
      drop: document.querySelector("input[name=drop-rule]:checked").value,
      keep_newest: Number($("keep-newest").value),
      max_age_s: age === "" ? null : Number(age) * UNITS_S[$("max-age-unit").value],
    };
  }

  told(wrong = null) {
    const wanted = this.read();
    $("keep-newest").disabled = wanted.drop !== "newest";
    const frameS = this.frameS();
    $("max-age-told").textContent = wanted.max_age_s === null ? "no limit: a frame waits as long as it takes"
      : `a frame that has waited ${wait(wanted.max_age_s)} is dropped when its turn comes` +
        (frameS ? `; about ${plural(Math.round(wanted.max_age_s / frameS), "frame")} of this scan` : "");
    $("drop-sure-line").hidden = true;
    $("drop-wrong").textContent = wrong ?? "";
  }

  ask() {
    const wanted = this.read();
    if (!$("drop-form").reportValidity()) return;
    if (dropsNone(wanted)) {
      this.keep(wanted);
      return;
    }
    const waiting = this.waiting();
    $("drop-sure-words").textContent = `Frames may be dropped: ${dropWords(wanted)}. A dropped frame has no result and cannot be ` +
      `brought back; each is counted.${waiting > 1 ? ` ${waiting} frames wait now and are judged by this rule, too.` : ""}`;
    $("drop-sure-line").hidden = false;
    $("drop-sure").focus();
  }

  async keep({ drop, keep_newest, max_age_s }) {
    try {
      const { before } = await this.policy.change({ drop, keep_newest, max_age_s });
      this.before = before;
    } catch (problem) {
      this.told(problem.message);
      return;
    }
    this.fill(this.policy.known);
    $("drop-undo").hidden = false;
    $("drop-undo").textContent = `Undo: ${dropWords(this.before)}`;
    $("drop-other").textContent = "";
  }

  /** Somebody else changed it. */
  changedByOther(before, policy) {
    const words = `Somebody else changed it: ${dropWords(before)} → ${dropWords(policy)}.`;
    $("drop-other").textContent = this.dirty ? `${words} What you have set here is not in force.` : words;
    $("drop-undo").hidden = true;
    return words;
  }
}
