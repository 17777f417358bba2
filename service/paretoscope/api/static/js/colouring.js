// How atoms get their colour: by class, by the kind of area they lie in, or along a ramp by any column.

import { areaColour, classColour, ramp } from "./palette.js";

const LEVELS = 24;
const AREAS = ["vacuum", "lattice", "disordered"];
/** What a column is called; one that is not here goes by its own name. */
export const COLUMN_WORDS = {
  class_id: "class", confidence: "confidence", score: "LoG response", sigma_px: "size (sigma, px)",
  area_kind: "kind of area", y_error_px: "y error, px", x_error_px: "x error, px",
};

/** {colour(row) -> css, legend: {entries} | {low, high, words} | null} for one column. classNames: Map id -> name. */
export function colouring(columns, name, classNames = new Map()) {
  const column = columns[name];
  if (name === "class_id" || !column) {
    const entries = [...classNames].map(([id, words]) => [words ?? `class ${id}`, classColour(id)]);
    return { colour: (k) => classColour(column ? column[k] : null), legend: column && entries.length ? { entries } : null };
  }
  if (name === "area_kind") {
    return { colour: (k) => areaColour(column[k]), legend: { entries: AREAS.map((words, kind) => [words, areaColour(kind)]) } };
  }
  const [low, high] = name === "confidence" ? [0, 1] : range(column);
  const unit = (value) => Math.round(LEVELS * Math.min(1, Math.max(0, (value - low) / (high - low || 1)))) / LEVELS;
  return {
    colour: (k) => (column[k] === null ? classColour(null) : ramp(unit(column[k]))),
    legend: { low, high, words: COLUMN_WORDS[name] ?? name },
  };
}

/** From the 2nd to the 98th percentile, so that one odd value does not flatten the rest. */
export function range(column) {
  const sorted = column.filter((value) => value !== null).toSorted((a, b) => a - b);
  if (sorted.length === 0) return [0, 1];
  return [sorted[Math.floor(0.02 * (sorted.length - 1))], sorted[Math.ceil(0.98 * (sorted.length - 1))]];
}
