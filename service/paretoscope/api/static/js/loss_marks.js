// Where in the history frames were lost: a mark under the slider at each place.

const MOST = 300; // marks drawn; there are fewer pixels than frames

/** losses: Map frame id -> words; ids: the frames of the history, oldest first. */
export function showLossMarks(holder, losses, ids) {
  if (losses.size === 0) return holder.replaceChildren();
  const places = new Map(ids.map((id, index) => [id, index]));
  const last = Math.max(1, ids.length - 1);
  const marks = [...losses].filter(([id]) => places.has(id)).slice(-MOST).map(([id, words]) => {
    const mark = document.createElement("i");
    mark.style.left = `${(100 * places.get(id)) / last}%`;
    mark.title = `${id}: ${words}`;
    mark.dataset.frame = id;
    return mark;
  });
  return holder.replaceChildren(...marks);
}
