// What the key of this page opens. A control says which route it asks for (data-asks="PUT /v1/.."); where the key does
// not open that route the control is disabled and its title says why.

import { getJson } from "./api.js";
import { notice } from "./notices.js";

const MAY = { read: "look at everything", choose: "look, pick, name and pause", admin: "change everything" };
export const ROUTES = {
  choice: "POST /v1/frames/{frame_id}/choice", name: "PUT /v1/streams/{stream}/classes/{class_id}", send: "POST /v1/frames",
  policy: "PUT /v1/streams/{stream}/policy", instrument: "PUT /v1/instruments/{name}",
  retry: "POST /v1/dead-letters/{frame_id}/retry", discard: "DELETE /v1/dead-letters/{frame_id}",
};
let caller = { name: "local", scope: "admin", keyed: false, refused: {} };

/** Who asks, as the service sees it; every control is drawn anew. */
export async function askCaller() {
  caller = await getJson("/v1/caller");
  document.querySelectorAll("[data-asks]").forEach(draw);
  return caller;
}

export const keyed = () => caller.keyed;

/** Why the key does not open this route, or null where it does. */
export function refusal(route) {
  const needed = caller.refused[route];
  if (!needed) return null;
  return `The key ${caller.name} may ${MAY[caller.scope]}; this needs one that may ${MAY[needed]} (scope ${needed}).`;
}

/** Whether the key does not open this route; it is then told. For what is done without a control: keys, a dropped file. */
export function turnedAway(route) {
  const message = refusal(route);
  if (message) notice({ code: "missing-scope", message });
  return message !== null;
}

/** This control asks for that route. */
export function gate(control, route) {
  control.dataset.asks = route;
  draw(control);
  return control;
}

/** Whether the control could be used, were the key to open its route. */
export function able(control, usable) {
  control.toggleAttribute("data-unable", !usable);
  draw(control);
}

function draw(control) {
  const why = refusal(control.dataset.asks);
  control.dataset.told ??= control.title;
  control.title = why ?? control.dataset.told;
  if ("disabled" in control) control.disabled = why !== null || "unable" in control.dataset;
  else control.setAttribute("aria-disabled", String(why !== null));
  const words = control.querySelector("[data-why]");
  if (words) words.textContent = why ?? "";
}
