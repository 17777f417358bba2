// The door that shut while the page was open: the key was revoked, or the service runs with other keys now. It says so,
// leads to the form, and the same view is there afterwards. Once another tab was let in this one tries again, too.

const PLACE = "paretoscope-view";
const KEPT = ["colour-by", "overlay", "least-confidence", "low", "high", "gamma"]; // controls whose values are part of the view

export class Door {
  /** dialog, words: what says so; view(): {stream, frame, place} as the page stands; onTry(): see whether it opens. */
  constructor({ dialog, words, view, onTry }) {
    Object.assign(this, { dialog, words, view, tabs: new BroadcastChannel("paretoscope-door") });
    this.tabs.onmessage = () => { if (dialog.open) onTry(); };
    dialog.addEventListener("cancel", (event) => event.preventDefault()); // nothing works behind it
    dialog.querySelector("a").addEventListener("click", () => this.keep());
  }

  /** keyed: whether this page had a key. */
  shut(keyed) {
    if (this.dialog.open) return;
    this.words.textContent = keyed
      ? "It was revoked, or the service runs with other keys now. What you see stays, but nothing new comes."
      : "The service asks for a key now. What you see stays, but nothing new comes.";
    for (const other of document.querySelectorAll("dialog[open]")) other.close();
    this.dialog.showModal();
  }

  opened() {
    this.dialog.close();
    this.tabs.postMessage("open");
  }

  keep() {
    const controls = Object.fromEntries(KEPT.map((id) => [id, document.getElementById(id).value]));
    sessionStorage.setItem(PLACE, JSON.stringify({ ...this.view(), controls }));
  }
}

/** The view that was left through the door, once: {stream, frame, place}, or null; its controls are set. */
export function leftView() {
  const held = sessionStorage.getItem(PLACE);
  sessionStorage.removeItem(PLACE);
  if (!held) return null;
  const { controls, ...view } = JSON.parse(held);
  for (const [id, value] of Object.entries(controls)) {
    const control = document.getElementById(id);
    if (control.value === value) continue;
    control.value = value;
    control.dispatchEvent(new Event(control.tagName === "SELECT" ? "change" : "input"));
  }
  return view;
}
