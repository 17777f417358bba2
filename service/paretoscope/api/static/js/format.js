// Numbers and times as people read them.

export function ms(value) {
  if (value === null || value === undefined) return "–";
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

export function reward(value) {
  if (value === null || value === undefined) return "–";
  return value.toFixed(value < 0.1 ? 3 : 2);
}

export function plural(count, thing) {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

export function age(seconds) {
  return seconds < 2 ? "just now" : `${duration(seconds)} ago`;
}

export function duration(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export function params(one) {
  if (!one) return "per-window parameters";
  const number = (value) => Number(value.toPrecision(3)).toString();
  return `sigma ${number(one.sigma_min)}–${number(one.sigma_max)} px (${one.num_sigma} scales)   threshold ` +
    `${number(one.threshold)}   overlap ${number(one.overlap)}`;
}

/** Why a frame was dropped; a reason that is not here goes by its code. */
export const DROPS = {
  "newer-frame": "a newer one came", "stream-busy": "the stream was busy", "too-old": "it had waited too long",
};

export const SOURCES = {
  "lattice-occupied-area": "the lattice on the occupied area",
  "lattice-whole-image": "the lattice on the whole image",
  density: "the given density",
  count: "the given count",
};
