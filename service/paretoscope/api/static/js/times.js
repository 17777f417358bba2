// Where a frame's time went: a bar per stage against the deadline, the frame's own time above it.

import { ms } from "./format.js";
import { stageColour } from "./palette.js";

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function showTimes(holder, verdict, note, ledger) {
  holder.replaceChildren();
  verdict.textContent = note.textContent = "";
  if (!ledger) return;
  const acquisition = ledger.acquisition_ms ?? 0;
  const whole = 1.03 * Math.max(ledger.deadline_ms, ledger.total_ms, acquisition);
  const percent = (value) => `${(100 * value) / whole}%`;
  const late = ledger.total_ms - ledger.deadline_ms;
  verdict.dataset.met = ledger.met ? "yes" : "no";
  verdict.textContent = ledger.met
    ? `${ms(ledger.total_ms)}, deadline ${ms(ledger.deadline_ms)} met`
    : `${ms(ledger.total_ms)}, deadline ${ms(ledger.deadline_ms)} missed by ${ms(Math.max(0, late))}`;
  const told = [ledger.mode, ledger.device, ledger.evaluations ? `${ledger.evaluations} evaluations` : null];
  if (acquisition) told.unshift(`scan took ${ms(acquisition)}`);
  if (ledger.optimiser && ledger.mode === "tuning") told.push(ledger.optimiser);
  note.textContent = told.filter(Boolean).join(" · ");

  const track = element("div", { className: "track" });
  track.setAttribute("role", "img");
  track.setAttribute("aria-label", verdict.textContent);
  const legend = element("div", { className: "legend" });
  ledger.stages.forEach((stage, k) => {
    const bar = element("i", { title: `${stage.name} ${ms(stage.ms)}` });
    bar.style.width = percent(stage.ms);
    bar.style.background = stageColour(k);
    track.append(bar);
    const entry = element("span", {}, `${stage.name} ${ms(stage.ms)}`);
    entry.style.setProperty("--stage-colour", stageColour(k));
    legend.append(entry);
  });
  const due = element("div", { className: "due", title: `deadline ${ms(ledger.deadline_ms)}` });
  due.style.left = `calc(${percent(ledger.deadline_ms)} - 2px)`;
  track.append(due);
  holder.append(track, legend);
}
