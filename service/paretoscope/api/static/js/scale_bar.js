// A bar of a round length in the lower left of what is in view.

const WANTED_PX = 120;

/** The longest of 1, 2, 5 x 10^n nm that is no longer than about 120 px on screen. */
export function barLength(scale, pixelNm) {
  const target = (WANTED_PX / scale) * pixelNm;
  const power = 10 ** Math.floor(Math.log10(target));
  return [5, 2, 1].map((k) => k * power).find((nm) => nm <= target) ?? power;
}

export function drawScaleBar(pen, { scale, left, box }, pixelNm) {
  const length = barLength(scale, pixelNm);
  const width = (length / pixelNm) * scale;
  const words = length >= 0.999 ? `${Math.round(length)} nm` : `${Math.round(length * 1000)} pm`;
  const [x, bottom] = [Math.max(0, left) + 10, box.height - 10];
  pen.fillStyle = "rgb(0 0 0 / 62%)";
  pen.beginPath();
  pen.roundRect(x, bottom - 34, width + 20, 34, 5);
  pen.fill();
  pen.fillStyle = "#fff";
  pen.fillRect(x + 10, bottom - 10, width, 3);
  pen.font = "600 12px system-ui, sans-serif";
  pen.fillText(words, x + 10, bottom - 16);
}
