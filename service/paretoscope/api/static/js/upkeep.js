// The service's own side of the page: how it stands, what became of the stream's frames, by which rule frames are dropped.

import { Banner } from "./banner.js";
import { DeadLetterList } from "./dead_letters.js";
import { DropPolicy, dropWords } from "./drop_policy.js";
import { Health, shortly } from "./health.js";
import { showLossMarks } from "./loss_marks.js";
import { showLosses } from "./losses.js";
import { notice } from "./notices.js";
import { Policy } from "./policy.js";
import { ServiceSheet } from "./service_sheet.js";
import { TimeStrip } from "./strip.js";
import { Tally } from "./tally.js";

const $ = (id) => document.getElementById(id);
const DROPPING = ["drop", "keep_newest", "max_age_s"];

export class Upkeep {
  /** stream(): its name; history; frameS(): seconds a frame of it takes, or null; onUnwell(words | null). */
  constructor({ stream, history, frameS, onUnwell }) {
    Object.assign(this, { stream, onUnwell, everConnected: false });
    this.banner = new Banner($("banner-words"));
    this.health = new Health((status) => this.stands(status));
    this.deadLetters = new DeadLetterList({ list: $("dead-letters"), note: $("dead-note"), onProblem: notice,
      onDone: (message) => notice({ code: "dead-letter", message, good: true }) });
    this.sheet = new ServiceSheet({ button: $("service-open"), sheet: $("service"), onOpen: () => { this.health.ask(); this.deadLetters.ask(); } });
    this.policy = new Policy({ stream, onKnown: (now) => { this.dropPolicy.show(now); this.drawLosses(); },
      onOther: (...what) => this.changedByOther(...what) });
    this.dropPolicy = new DropPolicy({ policy: this.policy, waiting: () => this.tally.told?.waiting ?? 0, frameS });
    this.tally = new Tally($("strip-note"), (told, before) => {
      this.drawLosses();
      if (before && told.missing > before.missing) this.strip.recall(told.stream).catch(notice); // it knows between which frames
    });
    this.strip = new TimeStrip($("strip"), (id) => history.go(history.ids.indexOf(id)), (losses) => showLossMarks($("loss-marks"), losses, history.ids));
  }

  forget() {
    this.dropPolicy.forget();
    this.strip.clear();
  }

  open(name) {
    return Promise.all([this.strip.recall(name), this.tally.open(name), this.policy.open()]);
  }

  connected(connected) {
    this.health.connected(connected);
    if (connected || this.everConnected) this.banner.connection(connected);
    this.everConnected ||= connected;
  }

  /** The service does not know us: it is not asked, and what it told last is not shown as if it held. */
  shut() {
    this.health.connected(false);
  }

  /** Of any stream, or of none. */
  hearAny(event) {
    this.health.hear(event);
    if (this.sheet.open && event.kind === "fault" && event.data.dead_letter) this.deadLetters.ask();
  }

  /** Of the stream that is looked at. */
  hear(event) {
    this.policy.hear(event);
    this.strip.hear(event);
    this.tally.hear(event);
  }

  stands(status) {
    this.onUnwell(shortly(status));
    this.banner.service(status);
    this.sheet.show(status);
  }

  drawLosses() {
    const { told } = this.tally;
    if (!told || told.stream !== this.stream()) return;
    const { known } = this.policy;
    const rule = known && (known.drop !== "wait" || known.max_age_s) ? dropWords(known) : null;
    showLosses({ table: $("losses-rows"), button: $("losses-open"), told, policyWords: rule });
  }

  changedByOther(names, before, now) {
    const words = names.some((name) => DROPPING.includes(name)) ? this.dropPolicy.changedByOther(before, now)
      : `Somebody else changed ${names.map((name) => name.replaceAll("_", " ")).join(", ")} of ${this.stream()}.`;
    notice({ code: "policy", message: words, good: true });
  }
}
