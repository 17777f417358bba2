// The page, put together: events say that something changed, one loader fetches the newest and draws it.

import { getImage, getJson, getJsonOrNull, sendJson } from "./api.js";
import { ClassList } from "./classes.js";
import { params, plural, reward } from "./format.js";
import { FrontPlot } from "./front.js";
import { listen } from "./live.js";
import { AtomCanvas } from "./map.js";
import { showNumbers } from "./numbers.js";
import { StateLine } from "./state.js";
import { showTimes } from "./times.js";

const $ = (id) => document.getElementById(id);
const COLUMNS = "y_px,x_px,sigma_px,class_id,confidence";
const NOTICE_MS = 9000;

const shown = { stream: null, view: null, front: null, follow: true };
const stateLine = new StateLine($("state"));
const map = new AtomCanvas($("map"), showAtom);
const plot = new FrontPlot($("front"), pick, showParams);
const classList = new ClassList($("classes"), nameClass);

function notice(problem) {
  const line = document.createElement("p");
  line.append(Object.assign(document.createElement("b"), { textContent: problem.code ?? "error" }), problem.message);
  $("notices").append(line);
  setTimeout(() => line.remove(), NOTICE_MS);
}

// --- loading: one at a time; what is asked meanwhile is done once, for the newest frame only

let loading = false;
let wanted = null; // { frameId | null }

async function refresh(frameId = null) {
  wanted = { frameId: frameId ?? wanted?.frameId ?? null };
  if (loading) return;
  loading = true;
  while (wanted) {
    const { frameId: id } = wanted;
    wanted = null;
    try {
      await load(id);
    } catch (problem) {
      if (problem.status !== 404 && problem.status !== 0) notice(problem);
    }
  }
  loading = false;
}

async function load(frameId) {
  await loadStreams();
  if (!shown.stream) return;
  const path = frameId ? `/v1/frames/${frameId}` : `/v1/streams/${shown.stream}/latest`;
  const view = await getJsonOrNull(path);
  if (view && view.stream === shown.stream) await draw(view);
}

async function loadStreams() {
  const { streams } = await getJson("/v1/streams");
  const names = streams.map((one) => one.stream);
  const select = $("stream");
  if (String(names.toSorted()) !== String([...select.options].map((one) => one.value))) {
    select.replaceChildren(...names.toSorted().map((name) => new Option(name, name)));
  }
  if (!names.includes(shown.stream)) shown.stream = names[0] ?? null;
  select.value = shown.stream ?? "";
}

async function draw(view) {
  const { links, header } = view;
  const samePixels = shown.view?.frame_id === view.frame_id && map.picture;
  const [picture, atoms, front, classes] = await Promise.all([
    samePixels ? map.picture : getImage(`${links.image}?max_side_px=2048`),
    getJsonOrNull(`${links.atoms}?columns=${COLUMNS}`).catch(() => getJsonOrNull(`${links.atoms}?columns=y_px,x_px`)),
    getJsonOrNull(links.front),
    getJsonOrNull(links.classes),
  ]);
  shown.view = view;
  shown.front = front;
  $("empty").hidden = true;
  $("frame-id").textContent = view.frame_id;
  map.show({ picture, shape: header.shape, columns: atoms?.columns ?? null, revision: view.revision, pixelNm: header.pixel_size_nm?.[1] ?? null });
  plot.show(front);
  $("front-note").textContent = front ? plural(front.points.length, "point") : "not yet";
  showParams(null);
  classList.show(classes);
  $("classes-note").textContent = classes ? (classes.chosen_by === "bic" ? "number chosen by BIC" : "") : "not yet";
  showNumbers({ list: $("numbers"), sourceLine: $("source"), guardLine: $("guard") }, view);
  showTimes($("times"), $("verdict"), $("times-note"), view.ledger);
  const at = Date.parse(view.ledger?.published_at ?? view.ledger?.received_at ?? "");
  if (view.state === "done" && !Number.isNaN(at) && stateLine.resultAt === null) stateLine.result(Math.min(at, Date.now()));
}

// --- what the operator does

async function pick(point) {
  if (!shown.view || plot.busy !== null) return;
  const { links } = shown.view;
  const scope = document.querySelector("input[name=scope]:checked").value;
  plot.setBusy(point);
  try {
    const answer = await sendJson("POST", links.choice, { point, scope, by: "dashboard" });
    if (answer.frame) await draw(answer.frame);
    else notice({ code: "choice-queued", message: "The pick is kept; its result is still being made." });
  } catch (problem) {
    notice(problem);
  }
  if (plot.busy !== null) plot.setBusy(null);
}

async function nameClass(classId, name) {
  try {
    await sendJson("PUT", `/v1/streams/${shown.stream}/classes/${classId}`, { name });
  } catch (problem) {
    notice(problem);
  }
}

function showParams(index) {
  const { front } = shown;
  const point = front?.points[index ?? front.chosen ?? -1];
  const own = index === null || index === undefined;
  $("params").textContent = !point ? "\u00a0"
    : `${own ? "chosen" : `point ${index + 1}`}   QC ${reward(point.qc)}   ER ${reward(point.er)}   ${plural(point.n_found, "atom")}\n` +
      params(own && shown.view.params ? shown.view.params : point.params);
}

function showAtom(row) {
  $("atom-line").textContent = !row ? "\u00a0"
    : `y ${row.y_px.toFixed(2)} px   x ${row.x_px.toFixed(2)} px   ` +
      `${row.class_id >= 0 ? `class ${row.class_id}` : "not classed"}   confidence ${row.confidence?.toFixed(2) ?? "–"}`;
}

// --- what the service says

function hear(event) {
  const ours = !event.stream || event.stream === shown.stream || shown.stream === null;
  if (!ours) return;
  const finished = event.kind === "result" || event.kind === "choice";
  if (event.kind === "frame") stateLine.saw({ working: event.frame_id });
  if (finished) stateLine.result(Date.now());
  if (event.kind === "fault") stateLine.saw({ working: null, fault: `${event.data.code}: ${event.data.hint ?? ""}` });
  const early = event.kind === "progress" && (event.data.published ?? []).includes("AtomMap");
  const mine = event.frame_id !== null && event.frame_id === shown.view?.frame_id;
  if (event.kind === "class-named") refresh(shown.view?.frame_id ?? null);
  else if ((finished || early) && (shown.follow || mine || !shown.view)) refresh(event.frame_id);
  else if (event.kind === "frame" && shown.stream === null) refresh();
}

$("stream").addEventListener("change", (event) => {
  Object.assign(shown, { stream: event.target.value, view: null });
  stateLine.saw({ resultAt: null, intervalS: null, working: null, fault: null });
  refresh();
});
$("follow").addEventListener("click", () => {
  shown.follow = !shown.follow;
  $("follow").setAttribute("aria-pressed", String(shown.follow));
  if (shown.follow) refresh();
});
$("show-atoms").addEventListener("change", (event) => { map.showAtoms = event.target.checked; map.draw(); });
$("colour-by").addEventListener("change", (event) => { map.colourBy = event.target.value; map.draw(); });

listen(hear, (connected) => {
  stateLine.saw({ connected });
  if (connected) refresh();
});
