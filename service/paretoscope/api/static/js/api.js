// Requests to our own server. A refusal becomes a Problem with the service's code and hint.

import { readMask } from "./overlay.js";

let shut = () => {};

/** run(): once the service does not know our key (any more). */
export function onShut(run) {
  shut = run;
}

export class Problem extends Error {
  constructor(status, code, hint) {
    super(hint);
    this.status = status;
    this.code = code;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Problem(0, "service-down", "The service does not answer; it is tried again.");
  }
  if (answer.ok) return answer;
  if (answer.status === 401) shut();
  const told = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, told.code ?? "http-error", told.hint ?? `The service answered ${answer.status}.`);
}

export async function getJson(path) {
  return (await ask(path, { headers: { Accept: "application/json" } })).json();
}

export async function sendJson(method, path, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return (await ask(path, { method, headers, body: JSON.stringify(body) })).json();
}

export async function remove(path) {
  await ask(path, { method: "DELETE" });
}

export async function sendFile(path, file) {
  const headers = { "Content-Type": "application/octet-stream", Accept: "application/json" };
  return (await ask(path, { method: "POST", headers, body: file })).json();
}

/** {blob, name}: a file and what the service calls it. */
export async function getFile(path, accept = "*/*") {
  const answer = await ask(path, { headers: { Accept: accept } });
  const name = answer.headers.get("Content-Disposition")?.match(/filename="?([^";]+)"?/)?.[1] ?? null;
  return { blob: await answer.blob(), name };
}

/** null where the service has nothing (yet); other refusals are thrown. */
export async function getJsonOrNull(path) {
  try {
    return await getJson(path);
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

export async function getImage(path) {
  const blob = await (await ask(path, { headers: { Accept: "image/png" } })).blob();
  return createImageBitmap(blob);
}

/** The area mask, or null where the frame has none. */
export async function getMask(path) {
  try {
    const answer = await ask(path, { headers: { Accept: "image/png" } });
    const bitmap = await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" });
    return readMask(bitmap, Number(answer.headers.get("X-Mask-Step-Px")));
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}
