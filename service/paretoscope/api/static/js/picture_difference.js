// Two grey pictures of one size -> what became brighter (orange) and darker (blue), on near black where nothing did.

const GAIN = 1.6;
const [NONE, BRIGHTER, DARKER] = [[16, 21, 27], [230, 159, 0], [86, 180, 233]];

/** shift: {dy, dx} pixels of the pictures by which `now` lies further than `then`; undone before they are compared. */
export function differencePicture(now, then, shift = { dy: 0, dx: 0 }) {
  const [width, height] = [now.width, now.height];
  const read = (picture, dx, dy) => {
    const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    pen.drawImage(now, 0, 0); // where the other does not reach nothing differs
    if (picture !== now) pen.drawImage(picture, dx, dy);
    return pen.getImageData(0, 0, width, height);
  };
  const [a, b] = [read(now, 0, 0), read(then, shift.dx, shift.dy)];
  for (let k = 0; k < a.data.length; k += 4) {
    const difference = Math.max(-1, Math.min(1, (GAIN * (a.data[k] - b.data[k])) / 255));
    const colour = difference > 0 ? BRIGHTER : DARKER;
    const part = Math.abs(difference);
    for (let c = 0; c < 3; c += 1) a.data[k + c] = NONE[c] + (colour[c] - NONE[c]) * part;
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(a, 0, 0);
  return canvas;
}
