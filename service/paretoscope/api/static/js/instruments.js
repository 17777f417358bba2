// The instruments that the service can run: how each stands, starting and stopping it, its sample and dwell time.

import { able, gate, ROUTES } from "./access.js";
import { getJsonOrNull, sendJson } from "./api.js";
import { settingField } from "./setting_field.js";

/** Shown at once, in this order; the rest stands under "More". */
const FIRST = ["sample", "file", "detector", "dwell_us", "size_px", "field_of_view_nm"];
const STATES = { running: "running", paused: "paused", stopped: "stopped", failed: "failed", unavailable: "not available" };

export class Instruments {
  /** button: opens `sheet` (a popover); starter: starts the first one there is, where no frame has come yet;
   *  onStream(stream): its frames are to be shown; onProblem(problem). */
  constructor({ button, sheet, starter, onStream, onProblem }) {
    Object.assign(this, { button, sheet, starter, onStream, onProblem, all: [], cards: new Map() });
    sheet.addEventListener("beforetoggle", ({ newState }) => { if (newState === "open") this.ask(); });
    starter.addEventListener("click", () => this.put(this.startable, { state: "running" }));
  }

  hear({ kind }) {
    if (kind === "instrument" || kind === "pause") this.ask();
  }

  async ask() {
    const told = await getJsonOrNull("/v1/instruments").catch(() => null); // asked again with the next event
    this.all = told?.instruments ?? [];
    this.show();
  }

  get startable() {
    return this.all.find((one) => one.state === "stopped" || one.state === "failed");
  }

  show() {
    const running = this.all.filter((one) => one.state === "running" || one.state === "paused");
    this.button.hidden = this.all.length === 0;
    this.button.dataset.state = running[0]?.state ?? "stopped";
    this.button.textContent = running[0] ? `${running[0].title}: ${STATES[running[0].state]}` : "Instruments";
    this.starter.hidden = running.length > 0 || !this.startable;
    this.starter.textContent = this.startable ? `Start: ${this.startable.title}` : "";
    for (const one of this.all) {
      if (!this.cards.has(one.name)) this.cards.set(one.name, new InstrumentCard((body) => this.put(one, body)));
      this.cards.get(one.name).show(one);
    }
    const able = this.all.toSorted((a, b) => (a.state === "unavailable") - (b.state === "unavailable"));
    const wanted = able.map((one) => this.cards.get(one.name).element);
    if (wanted.length !== this.sheet.children.length || wanted.some((one, k) => one !== this.sheet.children[k])) this.sheet.replaceChildren(...wanted);
  }

  async put({ name }, body) {
    this.cards.get(name)?.busy(true);
    try {
      const told = await sendJson("PUT", `/v1/instruments/${name}`, { ...body, by: "dashboard" });
      if (told.state === "running") this.onStream(told.stream);
    } catch (problem) {
      this.onProblem(problem);
    }
    this.cards.get(name)?.busy(false);
    await this.ask();
  }
}

class InstrumentCard {
  /** onPut(body): ask the service for a state or other settings. */
  constructor(onPut) {
    this.onPut = onPut;
    this.element = document.createElement("section");
    this.element.innerHTML = `<div class="head"><h2></h2><span class="chip"></span><span class="fill"></span>
      <button type="button" class="small hold"></button><button type="button" class="small turn"></button></div>
      <p class="quiet why"></p><form><div class="fields"></div><details><summary>More settings</summary><div class="fields"></div></details>
      <p class="quiet mono told"></p><div class="head"><span class="fill"></span><button type="submit" class="small">Use these settings</button></div></form>`;
    this.find = (what) => this.element.querySelector(what);
    this.find(".turn").addEventListener("click", () => onPut(this.up ? { state: "stopped" } : { state: "running", settings: this.changed() }));
    this.find(".hold").addEventListener("click", () => onPut({ state: this.one.state === "paused" ? "running" : "paused" }));
    for (const button of this.element.querySelectorAll("button")) gate(button, ROUTES.instrument);
    this.find("form").addEventListener("submit", (event) => { event.preventDefault(); onPut({ settings: this.changed() }); });
  }

  get up() {
    return this.one.state === "running" || this.one.state === "paused";
  }

  busy(busy) {
    this.element.toggleAttribute("data-busy", busy);
  }

  show(one) {
    const sameSettings = this.one && JSON.stringify([this.one.settings, this.one.settings_schema]) === JSON.stringify([one.settings, one.settings_schema]);
    this.one = one;
    this.element.setAttribute("aria-label", one.title);
    this.element.dataset.instrument = one.name;
    this.find("h2").textContent = one.title;
    this.find(".chip").textContent = one.settled === false ? `${STATES[one.state]} …` : STATES[one.state];
    this.find(".chip").dataset.state = one.state;
    this.find(".why").textContent = one.reason || (one.state === "failed" ? one.lines.at(-1) ?? "" : "");
    this.find(".turn").textContent = this.up ? "Stop" : "Start";
    able(this.find(".turn"), one.state !== "unavailable");
    this.find(".hold").hidden = !this.up;
    this.find(".hold").textContent = one.state === "paused" ? "Resume" : "Pause";
    this.find("form").hidden = one.state === "unavailable";
    this.find(".told").textContent = expectedWords(one.expected);
    if (!sameSettings) this.fields(one);
  }

  /** The form anew; not while the service merely tells of another state, so that nothing typed is lost. */
  fields({ settings, settings_schema: { properties } }) {
    this.reads = new Map();
    const made = (names) => names.map((name) => {
      const { field, read } = settingField(name, properties[name], settings[name]);
      this.reads.set(name, read);
      return field;
    });
    const first = FIRST.filter((name) => name in properties);
    const [shown, more] = this.element.querySelectorAll(".fields");
    shown.replaceChildren(...made(first));
    more.replaceChildren(...made(Object.keys(properties).filter((name) => !first.includes(name) && name !== "schema_minor")));
  }

  /** What differs from the settings in force. */
  changed() {
    const given = [...this.reads].map(([name, read]) => [name, read()]).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(this.one.settings[name] ?? null)));
  }
}

function expectedWords(expected) {
  const told = [];
  if (expected.frame_time_s !== undefined) told.push(expected.frame_time_s < 1 ? `${Math.round(1000 * expected.frame_time_s)} ms a frame` : `${expected.frame_time_s.toFixed(1)} s a frame`);
  if (expected.field_of_view_nm !== undefined) told.push(`${Number(expected.field_of_view_nm.toPrecision(3))} nm wide`);
  if (expected.dose_pc_per_nm2 !== undefined) told.push(`${Number(expected.dose_pc_per_nm2.toPrecision(2))} pC/nm² a frame`);
  return told.join(" · ");
}
