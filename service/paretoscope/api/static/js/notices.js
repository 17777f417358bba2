// Short-lived messages in a corner: what was refused, with its code, or what was kept.

const NOTICE_MS = 9000;

export function notice(problem) {
  const line = document.createElement("p");
  if (problem.good) line.dataset.good = "";
  line.append(Object.assign(document.createElement("b"), { textContent: problem.code ?? "error" }), problem.message);
  document.getElementById("notices").append(line);
  setTimeout(() => line.remove(), NOTICE_MS);
}
