// Short-lived messages in a corner: what was refused, with its code, or what was kept.

const NOTICE_MS = 9000;
const MOST = 4; // at once; the oldest goes

export function notice(problem) {
  const line = document.createElement("p");
  if (problem.good) line.dataset.good = "";
  line.append(Object.assign(document.createElement("b"), { textContent: problem.code ?? "error" }), problem.message);
  const held = document.getElementById("notices");
  for (const same of [...held.children].filter((one) => one.textContent === line.textContent)) same.remove();
  held.append(line);
  while (held.children.length > MOST) held.firstChild.remove();
  if (held.matches(":popover-open")) held.hidePopover();
  held.showPopover(); // over any sheet that is open
  setTimeout(() => {
    line.remove();
    if (held.children.length === 0) held.hidePopover();
  }, NOTICE_MS);
}
