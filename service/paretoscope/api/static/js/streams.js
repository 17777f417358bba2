// The streams there are, and the one that is looked at.

import { getJson } from "./api.js";

export class Streams {
  /** select: lists them; onOpen(name | null): another one is looked at; onTold(told | undefined): what the service says of it. */
  constructor({ select, onOpen, onTold }) {
    Object.assign(this, { select, onOpen, onTold, name: null });
  }

  knows(name) {
    return [...this.select.options].some((one) => one.value === name);
  }

  /** Ask anew; where the one that is looked at is gone, the one seen last is looked at. */
  async load() {
    const { streams } = await getJson("/v1/streams");
    const names = streams.map((one) => one.stream).toSorted();
    if (String(names) !== String([...this.select.options].map((one) => one.value))) this.select.replaceChildren(...names.map((name) => new Option(name, name)));
    if (!names.includes(this.name)) await this.open(streams[0]?.stream ?? null);
    else await this.onTold(streams.find((one) => one.stream === this.name));
    this.select.value = this.name ?? "";
  }

  async open(name) {
    if (name === this.name) return;
    this.name = name;
    if (name && !this.knows(name)) this.select.append(new Option(name, name));
    this.select.value = name ?? "";
    await this.onOpen(name);
    if (!name) return;
    const { streams } = await getJson("/v1/streams");
    await this.onTold(streams.find((one) => one.stream === name));
  }
}
