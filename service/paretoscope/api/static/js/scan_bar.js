// How far the scan that is under way has come, as a thin bar over the frame.

const GONE_AFTER_MS = 4000;

export class ScanBar {
  constructor(bar) {
    this.bar = bar;
  }

  hear({ kind, data }) {
    if (kind === "frame") return this.clear();
    const done = data.rows > 0 ? (data.row ?? data.rows_done ?? 0) / data.rows : null;
    if (kind !== "scan" || done === null) return null;
    const percent = Math.round(100 * Math.min(1, done));
    this.bar.hidden = false;
    this.bar.style.setProperty("--done", `${percent}%`);
    this.bar.setAttribute("aria-valuenow", String(percent));
    this.bar.title = `Scan: row ${data.row ?? data.rows_done} of ${data.rows}`;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.clear(), GONE_AFTER_MS);
    return null;
  }

  clear() {
    clearTimeout(this.timer);
    this.bar.hidden = true;
  }
}
