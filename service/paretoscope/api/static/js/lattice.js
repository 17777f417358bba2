// The lattice card: what was estimated or given, how many atoms there should be and who says so; edited in place.

import { ROUTES, turnedAway } from "./access.js";
import { SOURCES } from "./format.js";

const $ = (id) => document.getElementById(id);
const SPECTRUM_EVERY_MS = 1000;
const HINTS = {
  estimate: "Found in the image's own spectrum.",
  lattice: "A name such as SrTiO3 or graphene, or a cell in nm: a=0.39,b=0.39,gamma=90.",
  density: "Atoms per nm², for a disordered sample.",
  count: "Atoms in the frame, for a disordered sample.",
};

export class LatticeCard {
  /** policy: the stream's; onKept(words): told when the service took it. */
  constructor(policy, onKept) {
    Object.assign(this, { policy, onKept, spectrumAt: -SPECTRUM_EVERY_MS });
    $("lattice-edit").addEventListener("click", () => this.open());
    $("lattice-cancel").addEventListener("click", () => this.close());
    $("lattice-by").addEventListener("change", () => this.told());
    $("lattice-form").addEventListener("submit", (event) => { event.preventDefault(); this.keep(); });
    $("lattice-form").addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
    $("spectrum").addEventListener("error", () => { $("spectrum").hidden = true; });
    $("spectrum").addEventListener("load", () => { $("spectrum").hidden = false; });
  }

  show(view) {
    const expected = view.n_expected;
    const rows = expected ? rowsOf(expected, view.header) : [];
    $("lattice-rows").replaceChildren(...rows.flatMap(([name, said]) => [
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: said, title: said }),
    ]));
    const from = expected && (SOURCES[expected.source] ?? expected.source);
    $("source").textContent = $("source").title = expected ? [`Counted from ${from}`, expected.note].filter(Boolean).join(". ") : "";
    this.showSpectrum(view);
  }

  /** At many frames a second the picture follows once a second, and the last of them always. */
  showSpectrum(view) {
    clearTimeout(this.later);
    const wait = this.spectrumAt + SPECTRUM_EVERY_MS - performance.now();
    if (!view.links.spectrum) $("spectrum").hidden = true;
    else if (wait > 0) this.later = setTimeout(() => this.showSpectrum(view), wait);
    else {
      this.spectrumAt = performance.now();
      if (!$("spectrum").src.endsWith(view.links.spectrum)) $("spectrum").src = view.links.spectrum;
    }
  }

  open() {
    if (!this.policy.known || turnedAway(ROUTES.policy)) return;
    const { lattice, density_per_nm2: density, count } = this.policy.known;
    const by = count ? "count" : density ? "density" : lattice ? "lattice" : "estimate";
    $("lattice-by").value = by;
    $("lattice-value").value = { count, density, lattice: cellText(lattice), estimate: "" }[by] ?? "";
    this.told();
    document.querySelector(".lattice").dataset.editingLattice = "";
    $("lattice-form").hidden = false;
    $("lattice-by").focus();
  }

  close() {
    delete document.querySelector(".lattice").dataset.editingLattice;
    $("lattice-form").hidden = true;
    $("lattice-edit").focus();
  }

  told(error = null) {
    const by = $("lattice-by").value;
    $("lattice-value").hidden = by === "estimate";
    $("lattice-value").setAttribute("aria-invalid", String(Boolean(error)));
    $("lattice-hint").textContent = error ?? HINTS[by];
    $("lattice-hint").dataset.wrong = error ? "yes" : "no";
  }

  async keep() {
    const [by, text] = [$("lattice-by").value, $("lattice-value").value.trim()];
    if (by !== "estimate" && !text) return this.told(`Give a value: ${HINTS[by]}`);
    const policy = { lattice: null, density_per_nm2: null, count: null };
    if (by === "lattice") policy.lattice = text;
    if (by === "density") policy.density_per_nm2 = Number(text);
    if (by === "count") policy.count = Number(text);
    if ((by === "density" || by === "count") && !(Number(text) > 0)) return this.told(`${text} is not a number above 0.`);
    try {
      await this.policy.change(policy);
    } catch (problem) {
      return this.told(problem.message);
    }
    this.close();
    return this.onKept(`Kept: counts from the next frame on.`);
  }
}

/** [[name, value]] of what is known of the lattice. */
function rowsOf(expected, header) {
  const nm = header.pixel_size_nm?.[1];
  const length = (px) => (nm ? `${(px * nm).toFixed(3)} nm` : `${px.toFixed(2)} px`);
  const told = (expected.lattice ?? "").match(/^a=([\d.]+) px, b=([\d.]+) px, gamma=([\d.]+) deg, (.*)$/);
  const rows = told
    ? [["a, b", `${length(Number(told[1])).replace(/ \w+$/, "")}, ${length(Number(told[2]))}`], ["gamma", `${told[3]}°`],
      ["cell", told[4]]]
    : expected.lattice ? [["lattice", expected.lattice]] : [];
  rows.push(["expected", `${Math.round(expected.value)} atoms`]);
  if (expected.neighbour_px) rows.push(["neighbours", length(expected.neighbour_px)]);
  if (expected.area_px) rows.push(["area counted", `${Math.round((100 * expected.area_px) / (header.shape[0] * header.shape[1]))} %`]);
  return rows;
}

function cellText(lattice) {
  if (!lattice || typeof lattice === "string") return lattice ?? "";
  const basis = lattice.basis.map((one) => `${one.x}:${one.y}:${one.species}`).join(";");
  return lattice.name ?? `a=${lattice.a_nm},b=${lattice.b_nm},gamma=${lattice.gamma_deg},basis=${basis}`;
}
