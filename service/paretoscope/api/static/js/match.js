// Which atoms of one frame are those of another: the common shift first, then nearest within half a neighbour distance.

/** a, b: {y_px, x_px}; reachPx: how far an atom may be from where it was.
 *  Returns {pairs: [[in a, in b]], fresh: only in a, gone: only in b, shift: {dy, dx}}: a - b in px. */
export function matchAtoms(a, b, reachPx) {
  const grid = new Grid(b, reachPx);
  const rough = paired(a, b, grid, reachPx, { dy: 0, dx: 0 });
  const shift = {
    dy: median(rough.map(([k, n]) => a.y_px[k] - b.y_px[n])), dx: median(rough.map(([k, n]) => a.x_px[k] - b.x_px[n])),
  };
  const pairs = paired(a, b, grid, reachPx, shift);
  const [inA, inB] = [new Set(pairs.map(([k]) => k)), new Set(pairs.map(([, n]) => n))];
  const rest = (columns, taken) => columns.y_px.map((_, k) => k).filter((k) => !taken.has(k));
  return { pairs, fresh: rest(a, inA), gone: rest(b, inB), shift };
}

/** Each atom of a with its nearest of b, closest pairs first, none used twice. */
function paired(a, b, grid, reachPx, { dy, dx }) {
  const found = [];
  for (let k = 0; k < a.y_px.length; k += 1) {
    const [y, x] = [a.y_px[k] - dy, a.x_px[k] - dx];
    for (const n of grid.near(y, x)) {
      const distance = (b.y_px[n] - y) ** 2 + (b.x_px[n] - x) ** 2;
      if (distance < reachPx ** 2) found.push([distance, k, n]);
    }
  }
  found.sort((one, other) => one[0] - other[0]);
  const [usedA, usedB, pairs] = [new Set(), new Set(), []];
  for (const [, k, n] of found) {
    if (usedA.has(k) || usedB.has(n)) continue;
    usedA.add(k);
    usedB.add(n);
    pairs.push([k, n]);
  }
  return pairs;
}

class Grid {
  constructor(columns, cellPx) {
    this.cellPx = cellPx;
    this.cells = new Map();
    columns.y_px.forEach((y, k) => {
      const key = this.key(Math.floor(y / cellPx), Math.floor(columns.x_px[k] / cellPx));
      if (!this.cells.has(key)) this.cells.set(key, []);
      this.cells.get(key).push(k);
    });
  }

  key(row, column) {
    return `${row} ${column}`;
  }

  near(y, x) {
    const [row, column] = [Math.floor(y / this.cellPx), Math.floor(x / this.cellPx)];
    return [-1, 0, 1].flatMap((r) => [-1, 0, 1].flatMap((c) => this.cells.get(this.key(row + r, column + c)) ?? []));
  }
}

function median(values) {
  if (values.length === 0) return 0;
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}
