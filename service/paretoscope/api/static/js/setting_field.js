// One setting as a form field, from its JSON schema: a list, a number with its range and unit, a switch, a word.

/** {field, read()}: a labelled element, and its value as the service takes it (undefined: as it was). */
export function settingField(name, schema, value) {
  const plain = withoutNull(schema);
  const label = document.createElement("label");
  const words = plain.title ?? name.replaceAll("_", " ");
  const control = controlFor(plain, value, schema);
  control.dataset.setting = name;
  control.setAttribute("aria-label", words);
  const unit = plain.unit ?? schema.unit;
  label.append(Object.assign(document.createElement("span"), { textContent: unit ? `${bare(words, unit)}, ${unit}` : words }), control);
  label.title = schema.description ?? "";
  return { field: label, read: () => readBack(control, plain, schema) };
}

/** "dwell us", "us" -> "dwell": the unit is told once. */
function bare(words, unit) {
  const ending = ` ${unit.toLowerCase().replace("/", " per ")}`;
  return words.toLowerCase().endsWith(ending) ? words.slice(0, -ending.length) : words;
}

function withoutNull(schema) {
  const other = schema.anyOf?.find((one) => one.type !== "null");
  return other ? { ...schema, ...other } : schema;
}

function controlFor(plain, value, schema) {
  const listed = schema.enum ?? plain.enum;
  if (listed) {
    const select = document.createElement("select");
    const told = new Map((schema.choices ?? plain.choices ?? []).map((one) => (typeof one === "object" ? [one.value ?? one.name, one.title] : [one, one])));
    select.append(...listed.map((one) => new Option(one === null ? "all" : told.get(one) ?? one, JSON.stringify(one))));
    select.value = JSON.stringify(value ?? null);
    return select;
  }
  const input = document.createElement("input");
  if (plain.type === "boolean") Object.assign(input, { type: "checkbox", checked: Boolean(value) });
  else if (plain.type === "number" || plain.type === "integer") {
    Object.assign(input, { type: "number", step: plain.type === "integer" ? "1" : "any", value: value ?? "", placeholder: "by itself" });
    if ((plain.minimum ?? plain.exclusiveMinimum) !== undefined) input.min = String(plain.minimum ?? plain.exclusiveMinimum);
    if ((plain.maximum ?? plain.exclusiveMaximum) !== undefined) input.max = String(plain.maximum ?? plain.exclusiveMaximum);
  } else Object.assign(input, { type: "text", value: value ?? "", maxLength: plain.maxLength ?? 255 });
  return input;
}

function readBack(control, plain, schema) {
  if (control.tagName === "SELECT") return JSON.parse(control.value);
  if (control.type === "checkbox") return control.checked;
  const nullable = schema.anyOf?.some((one) => one.type === "null");
  if (control.value.trim() === "") return nullable ? null : undefined;
  return control.type === "number" ? Number(control.value) : control.value.trim();
}
