// How many atoms there should be and who says so; the stream's lattice, edited in place.

import { getJson, sendJson } from "./api.js";

const $ = (id) => document.getElementById(id);
const HINTS = {
  estimate: "Found in the image's own spectrum.",
  lattice: "A name such as SrTiO3 or graphene, or a cell in nm: a=0.39,b=0.39,gamma=90.",
  density: "Atoms per nm², for a disordered sample.",
  count: "Atoms in the frame, for a disordered sample.",
};

export class LatticeForm {
  /** stream(): its name; onKept(words): told when the service took it. */
  constructor(stream, onKept) {
    this.stream = stream;
    this.onKept = onKept;
    $("lattice-edit").addEventListener("click", () => this.open());
    $("lattice-cancel").addEventListener("click", () => $("lattice-dialog").close());
    $("lattice-by").addEventListener("change", () => this.told());
    $("lattice-form").addEventListener("submit", (event) => { event.preventDefault(); this.keep(); });
  }

  async open() {
    if (!this.stream()) return;
    this.policy = await getJson(`/v1/streams/${this.stream()}/policy`).catch(() => ({}));
    const { lattice, density_per_nm2: density, count } = this.policy;
    const by = count ? "count" : density ? "density" : lattice ? "lattice" : "estimate";
    $("lattice-by").value = by;
    $("lattice-value").value = { count, density, lattice: cellText(lattice), estimate: "" }[by] ?? "";
    this.told();
    $("lattice-dialog").showModal();
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
    const policy = { ...this.policy, lattice: null, density_per_nm2: null, count: null };
    if (by === "lattice") policy.lattice = text;
    if (by === "density") policy.density_per_nm2 = Number(text);
    if (by === "count") policy.count = Number(text);
    if ((by === "density" || by === "count") && !(Number(text) > 0)) return this.told(`${text} is not a number above 0.`);
    try {
      await sendJson("PUT", `/v1/streams/${this.stream()}/policy`, policy);
    } catch (problem) {
      return this.told(problem.message);
    }
    $("lattice-dialog").close();
    return this.onKept(`Kept: counts from the next frame on.`);
  }
}

function cellText(lattice) {
  if (!lattice || typeof lattice === "string") return lattice ?? "";
  const basis = lattice.basis.map((one) => `${one.x}:${one.y}:${one.species}`).join(";");
  return lattice.name ?? `a=${lattice.a_nm},b=${lattice.b_nm},gamma=${lattice.gamma_deg},basis=${basis}`;
}
