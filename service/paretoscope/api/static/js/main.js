// The page, put together: events say that something changed, one loader fetches the newest and draws it.

import { able, askCaller, keyed } from "./access.js";
import { getJsonOrNull, onShut, sendJson } from "./api.js";
import { AtomCard } from "./atom_card.js";
import { ClassList } from "./classes.js";
import { Compare } from "./compare.js";
import { FrameControls, showLegend } from "./controls.js";
import { Door, leftView } from "./door.js";
import { ExportMenu } from "./exports.js";
import { Files } from "./files.js";
import { FrontPlot } from "./front.js";
import { History } from "./history.js";
import { Instruments } from "./instruments.js";
import { install } from "./keys.js";
import { keyTable } from "./key_table.js";
import { LatticeCard } from "./lattice.js";
import { Live } from "./live.js";
import { Loader } from "./loader.js";
import { AtomCanvas } from "./map.js";
import { notice } from "./notices.js";
import { PauseButton } from "./pause.js";
import { Picks } from "./picks.js";
import { ResultCards } from "./result.js";
import { Scatter } from "./scatter.js";
import { ScanBar } from "./scan_bar.js";
import { StateLine } from "./state.js";
import { Streams } from "./streams.js";
import { Transport } from "./transport.js";
import { Upkeep } from "./upkeep.js";

const $ = (id) => document.getElementById(id);
const page = { view: null, unworked: null, fetched: new Map(), behind: false };
const good = (code) => (message) => notice({ code, message, good: true });

const stateLine = new StateLine($("state"));
const streams = new Streams({ select: $("stream"), onOpen: openStream, onTold: streamTold });
const scanBar = new ScanBar($("scan"));
const map = new AtomCanvas($("map"), (index) => { atomCard.show(index); scatter.mark(index); }, (legend) => showLegend($("legend"), legend));
const other = new AtomCanvas($("other"), () => {}, () => {}, map);
const atomCard = new AtomCard(map, $("atom-card"), $("atom-line"), (names) => controls.offer(names));
const controls = new FrameControls(map, () => refresh(page.view?.frame_id));
const loader = new Loader({ draw, problem: notice, wants: () => ({ contrast: controls.contrast, ...map.look }),
  drawn: () => [map.content?.picture, other.content?.picture, ...compare.pictures] });
const history = new History((id) => refresh(id), () => transport?.draw());
const transport = new Transport(history);
const upkeep = new Upkeep({ stream: () => streams.name, history, onUnwell: (degraded) => stateLine.saw({ degraded }),
  frameS: () => page.view?.header.frame_time_s ?? (page.view?.ledger?.acquisition_ms ?? 0) / 1000 });
const compare = new Compare({ map, other, problem: notice, before: (id) => history.before(id),
  peek: (id) => loader.peek(id).then((loaded) => loaded && contentOf(loaded)) });
const scatter = new Scatter($("scatter"), (index) => { if (map.content?.frameId === scatter.classes?.frame_id) map.point(index); });
const plot = new FrontPlot($("front"), (point) => picks.choose({ point }), (index) => cards.showPoint(index));
const classList = new ClassList($("classes"), nameClass, (classes) => cards.showComponents(classes));
const lattice = new LatticeCard(upkeep.policy, good("lattice"));
const cards = new ResultCards({ plot, classList, lattice, scatter });
const picks = new Picks({
  view: () => (document.body.hasAttribute("data-partial") ? null : page.view),
  scope: () => document.querySelector("input[name=scope]:checked").value,
  onBusy: (point) => plot.setBusy(point),
  onView: (view, revision) => (page.fetched.get(view.frame_id) >= revision ? null : refresh(view.frame_id)),
  onProblem: notice,
  onChange: () => able($("undo"), picks.undoable),
});
const pause = new PauseButton($("pause"), () => streams.name, (paused) => stateLine.saw({ paused }), notice);
const show = (stream) => streams.open(stream).then(() => refresh()).catch(notice);
const instruments = new Instruments({ button: $("instruments-open"), sheet: $("instruments"), starter: $("starter"), onStream: show, onProblem: notice });
new Files({ button: $("open-file"), input: $("file"), curtain: $("drop"), onProblem: notice,
  onTaken: (stream, words) => { good("files")(words); show(stream); } });
new ExportMenu({ list: $("export-list"), shown: () => page.view?.frame_id, canvas: $("map"), problem: notice });
install(keyTable({ transport, compare, picks, plot, map, controls, lattice }), $("help-keys"));

// --- loading

async function refresh(frameId = null) {
  page.behind = document.hidden;
  if (page.behind) return;
  try {
    if (!streams.name) await streams.load();
  } catch (problem) {
    if (problem.status !== 0) notice(problem);
  }
  frameId ??= page.unworked; // its pixels at least, while the stream has no result yet
  if (streams.name) await loader.ask(frameId ? `/v1/frames/${frameId}` : `/v1/streams/${streams.name}/latest`, frameId);
}

async function openStream(name) {
  Object.assign(page, { view: null, unworked: null });
  stateLine.saw({ resultAt: null, intervalS: null, working: null, fault: null });
  picks.forget();
  upkeep.forget();
  scanBar.clear();
  scatter.show(null);
  if (name) await Promise.all([history.open(name), upkeep.open(name)]);
}

/** What the service says of the stream that is looked at; it may have had no frame yet. */
async function streamTold(own) {
  pause.show(own?.paused);
  page.unworked = own && !own.newest_result ? own.newest_frame : null;
  if (own?.newest_frame && own.newest_frame !== own.newest_result) await recallFault(own.newest_frame);
}

/** The newest frame may have failed before this page was opened. */
async function recallFault(frameId) {
  const view = await getJsonOrNull(`/v1/frames/${frameId}`);
  if (view?.fault) stateLine.saw({ fault: `${view.fault.code}. ${view.fault.hint}` });
}

function contentOf({ view, picture, columns, mask, windows }) {
  const { header } = view;
  return { picture, columns, mask, windows, shape: header.shape, revision: view.revision, state: view.state, frameId: view.frame_id,
    gamma: controls.contrast.gamma, pixelNm: header.pixel_size_nm?.[1] ?? null, neighbourPx: view.n_expected?.neighbour_px ?? null };
}

function draw(loaded) {
  const { view, front, classes } = loaded;
  if (view.stream !== streams.name) return;
  if (!history.live && history.aim && view.frame_id !== history.aim) return; // asked before one held or went elsewhere
  page.view = view;
  $("empty").hidden = true;
  document.body.removeAttribute("data-empty");
  $("frame-id").textContent = $("frame-id").title = view.frame_id;
  // Atoms come before the front: until it is there the other cards keep what they show, dimmed.
  const partial = (front === null || view.ledger === null) && view.state !== "done" && view.state !== "failed";
  document.body.toggleAttribute("data-partial", partial);
  if (classes) map.look.classNames = new Map(classes.classes.map((one) => [one.class_id, one.name]));
  const content = contentOf(loaded);
  if (!compare.on || compare.way === "side") map.show(content);
  const at = Date.parse(view.ledger?.published_at ?? view.ledger?.received_at ?? "");
  history.shown(view.frame_id, Number.isNaN(at) ? null : at, view.state === "done");
  upkeep.strip.show(view.frame_id);
  compare.follow(content);
  if (partial) return;
  cards.show(loaded);
  if (view.state === "done" && !Number.isNaN(at) && stateLine.resultAt === null) stateLine.seen(Math.min(at, Date.now()));
}

async function nameClass(classId, name) {
  try {
    await sendJson("PUT", `/v1/streams/${streams.name}/classes/${classId}`, { name });
  } catch (problem) {
    notice(problem);
  }
}

// --- what the service says

function hear(event) {
  upkeep.hearAny(event);
  instruments.hear(event);
  if (event.kind === "frame" && !streams.knows(event.stream)) streams.load().catch(notice);
  if (event.stream && streams.name && event.stream !== streams.name) return;
  upkeep.hear(event);
  scanBar.hear(event);
  pause.hear(event);
  const { kind, frame_id: id, data } = event;
  if (kind === "frame") {
    history.add(id);
    stateLine.saw({ working: id });
    if (!page.view) refresh(id);
  }
  if (kind === "result") {
    page.unworked = null;
    history.finished(id, Date.parse(event.at));
  }
  if (kind === "result" || kind === "choice") stateLine.result(Date.now());
  if (kind === "fault") stateLine.saw({ working: null, fault: `${data.code}. ${data.hint ?? ""}` });
  if (kind === "class-named") refresh(page.view?.frame_id ?? null);
  const early = kind === "progress" && (data.published ?? []).includes("AtomMap");
  const mine = id !== null && id === page.view?.frame_id; // one may hold a frame that is still being worked on
  if (((kind === "result" || early) && (history.live || !page.view || mine)) || (kind === "choice" && mine)) {
    loader.forget(id);
    page.fetched = new Map([[id, data.revision ?? 0]]);
    refresh(id);
  }
}

// --- what the operator does

$("stream").addEventListener("change", (event) => show(event.target.value));
$("undo").addEventListener("click", () => picks.undo());
$("help-open").addEventListener("click", () => $("help").showModal());
let sliding = false;
$("weight").addEventListener("input", (event) => {
  picks.choose({ weight: Number((1 - event.target.value).toFixed(3)) }, sliding); // the service's weight: 1 is least ER
  sliding = true;
});
$("weight").addEventListener("change", () => { sliding = false; });

// --- coming and going

const door = new Door({ dialog: $("door"), words: $("door-words"), onTry: () => live.again(),
  view: () => ({ stream: streams.name, frame: history.live ? null : history.aim, place: { ...map.view.at } }) });
onShut(() => {
  live.shut();
  upkeep.shut();
  door.shut(keyed());
});
let left = leftView();

/** Connected, or connected again: what came meanwhile is asked for. */
async function resume() {
  const { name, keyed: known } = await askCaller();
  door.opened();
  $("leave").hidden = !known;
  $("leave").querySelector("button").title = `Forget the key ${name} in this browser`;
  $("key-told").textContent = known ? `key ${name}` : "";
  const was = streams.name;
  await streams.load();
  if (left && streams.knows(left.stream)) await streams.open(left.stream);
  else if (was !== null && was === streams.name) await Promise.all([history.recall(was), upkeep.open(was)]);
  if (left?.stream === streams.name) Object.assign(map.view.at, left.place);
  if (history.ids.includes(left?.frame)) history.go(history.ids.indexOf(left.frame));
  left = null;
  if (history.live) await refresh();
}

/** Nobody looks: nothing is fetched or drawn; the newest once somebody does again. */
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !page.behind) return;
  page.behind = false;
  refresh(history.live ? null : page.view?.frame_id);
});

const live = new Live(hear, (connected) => {
  stateLine.saw({ connected });
  upkeep.connected(connected);
  if (!connected) return;
  instruments.ask();
  resume().catch(() => refresh());
});
