// Atoms as circles on the frame: one path per colour, so that thousands are drawn in a few strokes.

import { colouring } from "./colouring.js";

const CROWD = 1500; // from here on thin lines, until one zooms in

/** Draws the atoms that `shown(k)` lets through; returns {drawn, legend}. look: {colourBy, classNames, zoom}. */
export function drawAtoms(pen, place, columns, shown, look) {
  const { scale, left, top, box } = place;
  const { y_px: y, x_px: x, sigma_px: sigma } = columns;
  const { colour, legend } = colouring(columns, look.colourBy, look.classNames);
  const paths = new Map();
  let drawn = 0;
  for (let k = 0; k < y.length; k += 1) {
    if (!shown(k)) continue;
    drawn += 1;
    const radius = Math.max(2.5, (sigma?.[k] ?? 2) * Math.SQRT2 * scale);
    const [px, py] = [left + (x[k] + 0.5) * scale, top + (y[k] + 0.5) * scale];
    if (px < -radius || py < -radius || px > box.width + radius || py > box.height + radius) continue;
    const one = colour(k);
    if (!paths.has(one)) paths.set(one, new Path2D());
    paths.get(one).moveTo(px + radius, py);
    paths.get(one).arc(px, py, radius, 0, 2 * Math.PI);
  }
  const width = y.length > CROWD && look.zoom < 2 ? 1 : 1.7;
  for (const [one, path] of paths) outlined(pen, path, one, width);
  return { drawn, legend };
}

/** A coloured line on a dark rim: told from bright and dark ground alike. */
export function outlined(pen, path, colour, width) {
  pen.lineWidth = width + 1.4;
  pen.strokeStyle = "rgb(0 0 0 / 55%)";
  pen.stroke(path);
  pen.lineWidth = width;
  pen.strokeStyle = colour;
  pen.stroke(path);
}

/** Square, cross or diamond of `half` px round an atom: shapes tell what colours may not. */
export function markPath(rows, columns, { scale, left, top }, shape, half = 7) {
  const path = new Path2D();
  for (const k of rows) {
    const [x, y] = [left + (columns.x_px[k] + 0.5) * scale, top + (columns.y_px[k] + 0.5) * scale];
    if (shape === "square") path.rect(x - half, y - half, 2 * half, 2 * half);
    else {
      path.moveTo(x - half, y - half);
      path.lineTo(x + half, y + half);
      path.moveTo(x + half, y - half);
      path.lineTo(x - half, y + half);
    }
  }
  return path;
}
