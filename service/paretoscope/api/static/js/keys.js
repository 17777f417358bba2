// One table of keys: it runs them, and it is the help sheet.

const TYPING = "input:not([type=range], [type=checkbox], [type=radio]), select, textarea";

/** table: [{group, key, told?, words, run}]; `told` where the sheet names the key otherwise. */
export function install(table, sheet) {
  const byKey = new Map(table.filter((one) => one.run).map((one) => [one.key, one]));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === "z") return taken(event, byKey.get("u"));
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches(TYPING)) return null;
    if (document.querySelector("dialog[open]") && event.key !== "?") return null;
    return taken(event, byKey.get(event.key));
  });
  sheet.replaceChildren(...[...new Set(table.map((one) => one.group))].map((group) => section(group, table)));
}

function taken(event, entry) {
  if (!entry || event.defaultPrevented) return;
  event.preventDefault();
  entry.run();
}

function section(group, table) {
  const made = document.createElement("section");
  const list = document.createElement("dl");
  for (const { key, told, words } of table.filter((one) => one.group === group)) {
    const [term, said] = [document.createElement("dt"), document.createElement("dd")];
    term.append(...(told ?? [key]).map((name) => Object.assign(document.createElement("kbd"), { textContent: name })));
    said.textContent = words;
    list.append(term, said);
  }
  made.append(Object.assign(document.createElement("h3"), { textContent: group }), list);
  return made;
}
