// What can be laid over the frame: outlines of the areas that count, or a parameter of the sliding windows.

import { range } from "./colouring.js";
import { areaColour, ramp } from "./palette.js";

export const WINDOW_VALUES = {
  qc: "QC", er: "ER", threshold: "threshold", sigma_min: "sigma min, px", sigma_max: "sigma max, px", overlap: "overlap",
};

/** {rows, columns, stepPx, kinds: Uint8Array} from the mask as it came in grey (0, 100, 200). */
export function readMask(bitmap, stepPx) {
  const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  const grey = pen.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const kinds = Uint8Array.from({ length: bitmap.width * bitmap.height }, (_, k) => Math.round(grey[4 * k] / 100));
  return { rows: bitmap.height, columns: bitmap.width, stepPx, kinds };
}

/** Edges round everything that is not lattice: one path per kind. */
export function outlines({ rows, columns, stepPx, kinds }, { scale, left, top }) {
  const paths = new Map([[0, new Path2D()], [2, new Path2D()]]);
  const kindAt = (y, x) => (y < 0 || x < 0 || y >= rows || x >= columns ? null : kinds[y * columns + x]);
  const edge = (a, b, x0, y0, x1, y1) => {
    const kind = [a, b].find((one) => one === 0 || one === 2);
    if (a === b || a === null || b === null || kind === undefined) return;
    const path = paths.get(a === 1 || b === 1 ? kind : 2);
    const step = stepPx * scale;
    path.moveTo(left + x0 * step, top + y0 * step);
    path.lineTo(left + x1 * step, top + y1 * step);
  };
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      edge(kindAt(y, x), kindAt(y, x + 1), x + 1, y, x + 1, y + 1);
      edge(kindAt(y, x), kindAt(y + 1, x), x, y + 1, x + 1, y + 1);
    }
  }
  return paths;
}

export function drawMask(pen, mask, place) {
  for (const [kind, path] of outlines(mask, place)) {
    pen.lineWidth = 4;
    pen.strokeStyle = "rgb(0 0 0 / 60%)";
    pen.stroke(path);
    pen.lineWidth = 2;
    pen.setLineDash(kind === 2 ? [7, 4] : []);
    pen.strokeStyle = areaColour(kind);
    pen.stroke(path);
    pen.setLineDash([]);
  }
}

export const valueOf = (one, name) => (name === "qc" || name === "er" ? one[name] : one.params?.[name]) ?? null;

/** Each window's value on the square nearest to its middle; returns the range that the colours span. */
export function drawWindows(pen, map, name, shape, { scale, left, top }) {
  const [low, high] = range(map.windows.map((one) => valueOf(one, name)));
  const [rows, columns] = map.grid;
  const edges = (starts, count, whole) => starts.map((start, k) => [
    k === 0 ? 0 : (starts[k - 1] + start + map.window_px) / 2,
    k === count - 1 ? whole : (start + starts[k + 1] + map.window_px) / 2,
  ]);
  const ys = edges(Array.from({ length: rows }, (_, r) => map.windows[r * columns].y_px), rows, shape[0]);
  const xs = edges(Array.from({ length: columns }, (_, c) => map.windows[c].x_px), columns, shape[1]);
  map.windows.forEach((one, k) => {
    const value = valueOf(one, name);
    if (value === null) return;
    const [[y0, y1], [x0, x1]] = [ys[Math.floor(k / columns)], xs[k % columns]];
    pen.globalAlpha = 0.55;
    pen.fillStyle = ramp((value - low) / (high - low || 1));
    pen.fillRect(left + x0 * scale, top + y0 * scale, (x1 - x0) * scale, (y1 - y0) * scale);
    pen.globalAlpha = 1;
  });
  return [low, high];
}
