// The page, put together: events say that something changed, one loader fetches the newest and draws it.

import { getJson, getJsonOrNull, sendJson } from "./api.js";
import { ClassList } from "./classes.js";
import { FrameControls, showLegend } from "./controls.js";
import { plural } from "./format.js";
import { FrontPlot } from "./front.js";
import { LatticeForm } from "./lattice.js";
import { listen } from "./live.js";
import { Loader } from "./loader.js";
import { AtomCanvas } from "./map.js";
import { notice } from "./notices.js";
import { atomWords, pointWords, showNumbers } from "./numbers.js";
import { Picks } from "./picks.js";
import { StateLine } from "./state.js";
import { TimeStrip } from "./strip.js";
import { showTimes } from "./times.js";

const $ = (id) => document.getElementById(id);
const shown = { stream: null, view: null, front: null, follow: true };

const stateLine = new StateLine($("state"));
const strip = new TimeStrip($("strip"), $("strip-note"));
const map = new AtomCanvas($("map"), showAtom, (legend) => showLegend($("legend"), legend));
const controls = new FrameControls(map, () => refresh(shown.view?.frame_id));
const loader = new Loader({ draw, problem: notice, extras: () => ({ contrast: controls.contrast, overlay: map.overlay, colourBy: map.colourBy }) });
const plot = new FrontPlot($("front"), (point) => picks.choose({ point }), showPoint);
const classList = new ClassList($("classes"), nameClass);
const picks = new Picks({
  view: () => (document.body.hasAttribute("data-partial") ? null : shown.view),
  scope: () => document.querySelector("input[name=scope]:checked").value,
  onBusy: (point) => plot.setBusy(point),
  onView: (view) => loader.ask(`/v1/frames/${view.frame_id}`, view.frame_id),
  onProblem: notice,
  onChange: () => { $("undo").disabled = !picks.undoable; },
});
new LatticeForm(() => shown.stream, (words) => notice({ code: "lattice", message: words, good: true }));

// --- loading

async function refresh(frameId = null) {
  try {
    if (!shown.stream) await loadStreams();
  } catch (problem) {
    if (problem.status !== 0) notice(problem);
  }
  if (shown.stream) await loader.ask(frameId ? `/v1/frames/${frameId}` : `/v1/streams/${shown.stream}/latest`, frameId);
}

async function loadStreams() {
  const { streams } = await getJson("/v1/streams");
  const names = streams.map((one) => one.stream);
  const select = $("stream");
  if (String(names.toSorted()) !== String([...select.options].map((one) => one.value))) {
    select.replaceChildren(...names.toSorted().map((name) => new Option(name, name)));
  }
  if (!names.includes(shown.stream)) await openStream(names[0] ?? null);
  select.value = shown.stream ?? "";
  const own = streams.find((one) => one.stream === shown.stream);
  if (own?.newest_frame && own.newest_frame !== own.newest_result) await recallFault(own.newest_frame);
}

async function openStream(name) {
  Object.assign(shown, { stream: name, view: null });
  stateLine.saw({ resultAt: null, intervalS: null, working: null, fault: null });
  picks.forget();
  strip.clear();
  if (name) await strip.recall(name);
}

/** The newest frame may have failed before this page was opened. */
async function recallFault(frameId) {
  const view = await getJsonOrNull(`/v1/frames/${frameId}`);
  if (view?.fault) stateLine.saw({ fault: `${view.fault.code}. ${view.fault.hint}` });
}

function draw({ view, picture, columns, front, classes, mask, windows }) {
  if (view.stream !== shown.stream) return;
  shown.view = view;
  $("empty").hidden = true;
  document.body.removeAttribute("data-empty");
  $("frame-id").textContent = view.frame_id;
  $("frame-id").title = view.frame_id;
  const { header } = view;
  // Atoms come before the front: until it is there the other cards keep what they show, dimmed.
  const partial = front === null && view.state !== "done" && view.state !== "failed";
  document.body.toggleAttribute("data-partial", partial);
  map.show({ picture, shape: header.shape, columns, mask, windows, revision: view.revision, state: view.state, frameId: view.frame_id, gamma: controls.contrast.gamma,
    pixelNm: header.pixel_size_nm?.[1] ?? null });
  if (partial) return;
  shown.front = front;
  plot.show(front);
  $("front-note").textContent = front ? plural(front.points.length, "point") : "not yet";
  showPoint(null);
  classList.show(classes);
  $("classes-note").textContent = classes ? (classes.chosen_by === "bic" ? "number chosen by BIC" : "") : "not yet";
  showNumbers({ list: $("numbers"), sourceLine: $("source"), guardLine: $("guard") }, view);
  showTimes($("times"), $("verdict"), $("times-note"), view.ledger);
  const at = Date.parse(view.ledger?.published_at ?? view.ledger?.received_at ?? "");
  if (view.state === "done" && !Number.isNaN(at) && stateLine.resultAt === null) stateLine.seen(Math.min(at, Date.now()));
}

function showAtom(row) {
  $("atom-line").textContent = atomWords(row);
}

function showPoint(index) {
  $("params").textContent = pointWords(shown.front, shown.view, index);
}

async function nameClass(classId, name) {
  try {
    await sendJson("PUT", `/v1/streams/${shown.stream}/classes/${classId}`, { name });
  } catch (problem) {
    notice(problem);
  }
}

// --- what the service says

function hear(event) {
  if (event.kind === "frame" && ![...$("stream").options].some((one) => one.value === event.stream)) loadStreams().catch(notice);
  if (event.stream && shown.stream && event.stream !== shown.stream) return;
  strip.hear(event);
  const finished = event.kind === "result" || event.kind === "choice";
  if (event.kind === "frame") stateLine.saw({ working: event.frame_id });
  if (finished) stateLine.result(Date.now());
  if (event.kind === "fault") stateLine.saw({ working: null, fault: `${event.data.code}. ${event.data.hint ?? ""}` });
  const early = event.kind === "progress" && (event.data.published ?? []).includes("AtomMap");
  const mine = event.frame_id !== null && event.frame_id === shown.view?.frame_id;
  if (event.kind === "class-named") refresh(shown.view?.frame_id ?? null);
  else if ((finished || early) && (shown.follow || mine || !shown.view)) refresh(event.frame_id);
}

// --- what the operator does

$("stream").addEventListener("change", (event) => openStream(event.target.value).then(() => refresh()).catch(notice));
$("follow").addEventListener("click", () => {
  shown.follow = !shown.follow;
  $("follow").setAttribute("aria-pressed", String(shown.follow));
  if (shown.follow) refresh();
});
$("undo").addEventListener("click", () => picks.undo());
let sliding = false;
$("weight").addEventListener("input", (event) => {
  picks.choose({ weight: Number(event.target.value) }, sliding);
  sliding = true;
});
$("weight").addEventListener("change", () => { sliding = false; });

listen(hear, (connected) => {
  stateLine.saw({ connected });
  if (connected) loadStreams().then(() => refresh()).catch(() => refresh());
});
