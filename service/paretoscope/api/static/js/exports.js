// Save a frame: every format the service writes, and the picture as it stands on the screen.

const FORMATS = [
  ["csv", "Atoms", "CSV table"], ["arrow", "Atoms", "Arrow"], ["parquet", "Atoms", "Parquet"], ["npy", "Atoms", "NumPy"],
  ["json", "Atoms", "JSON"], ["napari", "Atoms", "napari points, CSV"], ["nexus", "Everything", "HDF5 / NeXus"],
  ["png", "Image", "PNG"], ["tiff", "Image", "TIFF, as it came"],
];

/** list: the menu; shown(): id of the frame on the screen; canvas: what is drawn of it. */
export function exportMenu(list, shown, canvas) {
  const entry = (element, what, form) => {
    element.append(what, Object.assign(document.createElement("span"), { textContent: form }));
    const item = document.createElement("li");
    item.append(element);
    return item;
  };
  const links = FORMATS.map(([format, what, form]) => {
    const link = document.createElement("a");
    link.dataset.format = format;
    link.download = "";
    return entry(link, what, form);
  });
  const picture = document.createElement("button");
  picture.type = "button";
  picture.addEventListener("click", () => canvas.toBlob((blob) => save(blob, `${shown()}-view.png`)));
  list.replaceChildren(...links, entry(picture, "Picture as shown", "PNG"));
  list.closest("[popover]").addEventListener("beforetoggle", () => {
    for (const link of list.querySelectorAll("a")) link.href = `/v1/frames/${shown()}/export?format=${link.dataset.format}`;
  });
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
