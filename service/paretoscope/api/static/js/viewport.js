// Where the frame lies on the canvas: fitted, or panned and zoomed by wheel, drag, pinch and keys.

const MOST = 40; // times the fitted size
const STEP = 1.25;
const PAN_PX = 60;

export class Viewport {
  /** onChange(): draw again. `lead`: another viewport whose place in the frame this one shares. */
  constructor(canvas, onChange, lead = null) {
    this.canvas = canvas;
    this.onChange = lead?.onChange ?? onChange;
    this.shape = null; // [rows, columns]
    this.at = lead?.at ?? {};
    if (!lead) this.reset();
    this.dragged = null;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.grab(event));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => this.drop());
    canvas.addEventListener("dblclick", () => { this.reset(); this.onChange(); });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  reset() {
    Object.assign(this.at, { zoom: 1, centreY: 0.5, centreX: 0.5 }); // the centre in fractions of the frame
  }

  get zoom() {
    return this.at.zoom;
  }

  /** (y, x) in image pixels in the middle of what is in view. */
  middle() {
    return { y: this.at.centreY * this.shape[0], x: this.at.centreX * this.shape[1] };
  }

  setShape(shape) {
    if (this.shape && String(shape) !== String(this.shape)) this.reset();
    this.shape = shape;
  }

  /** Screen pixels per image pixel, where the image begins, and the canvas's box. */
  place() {
    const [rows, columns] = this.shape;
    const box = this.canvas.getBoundingClientRect();
    const scale = this.zoom * Math.min(box.width / columns, box.height / rows);
    const left = box.width / 2 - this.at.centreX * columns * scale;
    const top = box.height / 2 - this.at.centreY * rows * scale;
    return { scale, left, top, box };
  }

  /** Event -> (y, x) in image pixels, from the centre of the top-left one. */
  imagePoint(event) {
    const { scale, left, top, box } = this.place();
    return { y: (event.clientY - box.top - top) / scale - 0.5, x: (event.clientX - box.left - left) / scale - 0.5 };
  }

  /** Zoom by `factor`, keeping what is at (clientX, clientY) there; at the middle without. */
  zoomBy(factor, clientX = null, clientY = null) {
    if (!this.shape) return;
    const [rows, columns] = this.shape;
    const before = this.place();
    const at = {
      x: clientX === null ? before.box.width / 2 : clientX - before.box.left,
      y: clientY === null ? before.box.height / 2 : clientY - before.box.top,
    };
    const held = { x: (at.x - before.left) / before.scale, y: (at.y - before.top) / before.scale };
    this.at.zoom = Math.min(MOST, Math.max(1, this.zoom * factor));
    const { scale, box } = this.place();
    this.at.centreX = (held.x + (box.width / 2 - at.x) / scale) / columns;
    this.at.centreY = (held.y + (box.height / 2 - at.y) / scale) / rows;
    this.keepInside();
    this.onChange();
  }

  panBy(dx, dy) {
    if (!this.shape) return;
    const { scale } = this.place();
    this.at.centreX -= dx / scale / this.shape[1];
    this.at.centreY -= dy / scale / this.shape[0];
    this.keepInside();
    this.onChange();
  }

  keepInside() {
    if (this.zoom === 1) this.reset();
    this.at.centreX = Math.min(1, Math.max(0, this.at.centreX));
    this.at.centreY = Math.min(1, Math.max(0, this.at.centreY));
  }

  wheel(event) {
    event.preventDefault();
    this.zoomBy(1.0016 ** -(event.deltaMode === 1 ? 30 * event.deltaY : event.deltaY), event.clientX, event.clientY);
  }

  grab(event) {
    if (event.button !== 0 || this.zoom === 1) return;
    this.dragged = { x: event.clientX, y: event.clientY };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.dataset.dragging = "";
  }

  drag(event) {
    if (!this.dragged) return;
    this.panBy(event.clientX - this.dragged.x, event.clientY - this.dragged.y);
    this.dragged = { x: event.clientX, y: event.clientY };
  }

  drop() {
    this.dragged = null;
    delete this.canvas.dataset.dragging;
  }

  key(event) {
    if (event.shiftKey && event.key.startsWith("Arrow")) return; // from atom to atom
    const moves = { ArrowLeft: [PAN_PX, 0], ArrowRight: [-PAN_PX, 0], ArrowUp: [0, PAN_PX], ArrowDown: [0, -PAN_PX] };
    if (event.key in moves) this.panBy(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoomBy(STEP);
    else if (event.key === "-") this.zoomBy(1 / STEP);
    else if (event.key === "0" || event.key === "Escape") { this.reset(); this.onChange(); }
    else return;
    event.preventDefault();
  }
}
