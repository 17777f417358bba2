// What each key does, wherever the focus is (but not while one types).

import { turnedAway } from "./access.js";

const $ = (id) => document.getElementById(id);
const click = (id) => () => { if ($(id).checkVisibility() && !turnedAway($(id).dataset.asks)) $(id).click(); };

export function keyTable({ transport, compare, picks, plot, map, controls, lattice }) {
  const pickBeside = (count) => () => {
    const point = plot.beside(count);
    if (point !== null) picks.choose({ point });
  };
  const named = (group, rows) => rows.map(([key, words, run, told]) => ({ group, key, words, run, told }));
  return [
    ...named("History", [
      ["l", "live view, or hold this frame", () => transport.live()],
      [",", "one frame back", () => transport.step(-1)],
      [".", "one frame on", () => transport.step(1)],
      ["m", "play the kept frames, stop", () => transport.toggle()],
      ["c", "compare with the frame before, stop comparing", () => compare.toggle()],
      ["v", "side by side, blink, difference", () => compare.next()],
      ["k", "pin this frame to compare others with", () => compare.pin()],
      ["e", "save this frame", click("export-open")],
    ]),
    ...named("Pareto front", [
      ["f", "go to the front", () => plot.focus()],
      ["arrows", "walk along it; Enter picks", null, ["←", "→", "Enter"]],
      ["[", "pick the next with fewer false atoms", pickBeside(-1)],
      ["]", "pick the next with fewer missed atoms", pickBeside(1)],
      ["s", "for the next frames too, or only this one", otherScope],
      ["u", "take the last pick back", () => picks.undo()],
    ]),
    ...named("Frame", [
      ["i", "go to the frame", () => map.canvas.focus()],
      ["moves", "move it", null, ["←", "↑", "→", "↓"]],
      ["walks", "from atom to atom", null, ["Shift", "+ arrows"]],
      ["+", "zoom in", click("zoom-in")],
      ["-", "zoom out", click("zoom-out")],
      ["0", "whole frame", click("zoom-fit")],
      ["a", "atoms on or off", click("show-atoms")],
      ["x", "colour atoms by the next column", () => controls.next("colour-by")],
      ["w", "lay the next map over the frame", () => controls.next("overlay")],
      ["g", "contrast and gamma", click("contrast-open")],
    ]),
    ...named("Sample and instrument", [
      ["n", "name the first class", () => document.querySelector("#classes input")?.focus()],
      ["t", "say what the lattice is", () => lattice.open()],
      ["r", "start and stop instruments", () => $("instruments").togglePopover()],
      ["p", "pause the stream, resume it", click("pause")],
      ["o", "open a file", click("open-file")],
      ["d", "what was lost, and when frames may be dropped", click("losses-open")],
      ["h", "how the service stands, dead letters", click("service-open")],
      ["?", "this sheet", () => ($("help").open ? $("help").close() : $("help").showModal())],
      ["leave", "close, or leave a field", null, ["Esc"]],
    ]),
  ];
}

function otherScope() {
  document.querySelector("input[name=scope]:not(:checked)").click();
}
