// Save a frame: every format the service writes, and the picture as it stands on the screen.

import { getFile } from "./api.js";

const FORMATS = [
  ["csv", "Atoms", "CSV table"], ["arrow", "Atoms", "Arrow"], ["parquet", "Atoms", "Parquet"], ["npy", "Atoms", "NumPy"],
  ["json", "Atoms", "JSON"], ["napari", "Atoms", "napari points, CSV"], ["nexus", "Everything", "HDF5 / NeXus"],
  ["png", "Image", "PNG"], ["tiff", "Image", "TIFF, as it came"],
];

/** list: the menu; shown(): id of the frame on the screen; canvas: what is drawn of it; problem(error). */
export function exportMenu(list, shown, canvas, problem) {
  const entry = (what, form, save) => {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(what, Object.assign(document.createElement("span"), { textContent: form }));
    button.addEventListener("click", () => { list.closest("[popover]").hidePopover(); save(); });
    item.append(button);
    return item;
  };
  const download = (format) => () => getFile(`/v1/frames/${shown()}/export?format=${format}`)
    .then(({ blob, name }) => keep(blob, name ?? `${shown()}.${format}`)).catch(problem);
  list.replaceChildren(
    ...FORMATS.map(([format, what, form]) => entry(what, form, download(format))),
    entry("Picture as shown", "PNG", () => canvas.toBlob((blob) => keep(blob, `${shown()}-view.png`))),
  );
}

function keep(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
