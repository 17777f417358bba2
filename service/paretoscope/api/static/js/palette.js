// Okabe and Ito's colours: told apart with every kind of colour vision, and on black, grey and white.

const CLASSES = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2", "#ffffff"];
const UNCLASSED = "#9aa7b4";
const STAGES = ["#8fa3b5", "#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#0072b2", "#d55e00", "#b8a200", "#6a7f92"];

export function classColour(classId) {
  return classId === null || classId < 0 ? UNCLASSED : CLASSES[classId % CLASSES.length];
}

export function stageColour(index) {
  return STAGES[index % STAGES.length];
}

/** 0..1 -> dark violet, blue-green, yellow: lighter is more, also in grey. */
export function ramp(unit) {
  const stops = [[88, 28, 120], [60, 92, 160], [38, 150, 140], [140, 205, 90], [250, 232, 60]];
  const place = Math.min(0.9999, Math.max(0, unit ?? 0)) * (stops.length - 1);
  const [from, to, part] = [stops[Math.floor(place)], stops[Math.floor(place) + 1], place % 1];
  return `rgb(${from.map((one, k) => Math.round(one + (to[k] - one) * part)).join(" ")})`;
}

/** Vacuum, lattice, disordered. */
export function areaColour(kind) {
  return ["#56b4e9", "#009e73", "#e69f00"][kind] ?? UNCLASSED;
}
