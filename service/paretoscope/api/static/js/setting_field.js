// One setting as a form field, from its JSON schema: a list, a number with its range and unit, a switch, a word.

const UNITS = { us: "µs" };

/** {field, read()}: a labelled element, and its value as the service takes it (undefined: as it was). */
export function settingField(name, schema, value) {
  const plain = withoutNull(schema);
  const unit = plain.unit ?? schema.unit;
  const words = wordsOf(name, unit);
  const choices = choicesOf(plain);
  const control = choices ? chooser(choices, value) : typed(plain, value);
  control.dataset.setting = name;
  control.setAttribute("aria-label", words);
  const label = document.createElement("label");
  label.append(Object.assign(document.createElement("span"), { textContent: unit ? `${words}, ${UNITS[unit] ?? unit}` : words }), control);
  label.title = schema.description ?? "";
  if (choices?.some((one) => one.label)) {
    const hint = document.createElement("small");
    const tell = () => { hint.textContent = choices[control.selectedIndex]?.label ?? ""; };
    control.addEventListener("change", tell);
    tell();
    label.append(hint);
    label.className = "wide";
  }
  return { field: label, read: () => readBack(control, schema) };
}

/** "dwell_us" with its unit -> "dwell": the unit is told once. */
function wordsOf(name, unit) {
  const ending = unit ? `_${unit.toLowerCase().replace("/", "_per_")}` : "";
  return (ending && name.endsWith(ending) ? name.slice(0, -ending.length) : name).replaceAll("_", " ");
}

/** [{value, label}], or null where the value is free. */
function choicesOf(plain) {
  if (plain.choices) return plain.choices.map((one) => (one !== null && typeof one === "object" ? one : { value: one }));
  return plain.enum?.map((value) => ({ value })) ?? null;
}

function chooser(choices, value) {
  const select = document.createElement("select");
  select.append(...choices.map((one) => new Option(one.value === null ? "all" : one.value, JSON.stringify(one.value))));
  select.value = JSON.stringify(value ?? null);
  return select;
}

function withoutNull(schema) {
  const other = schema.anyOf?.find((one) => one.type !== "null");
  return other ? { ...schema, ...other } : schema;
}

function typed(plain, value) {
  const input = document.createElement("input");
  if (plain.type === "boolean") Object.assign(input, { type: "checkbox", checked: Boolean(value) });
  else if (plain.type === "number" || plain.type === "integer") {
    Object.assign(input, { type: "number", step: plain.type === "integer" ? "1" : "any", value: value ?? "", placeholder: "not set" });
    if ((plain.minimum ?? plain.exclusiveMinimum) !== undefined) input.min = String(plain.minimum ?? plain.exclusiveMinimum);
    if ((plain.maximum ?? plain.exclusiveMaximum) !== undefined) input.max = String(plain.maximum ?? plain.exclusiveMaximum);
  } else Object.assign(input, { type: "text", value: value ?? "", maxLength: plain.maxLength ?? 255 });
  return input;
}

function readBack(control, schema) {
  if (control.tagName === "SELECT") return JSON.parse(control.value);
  if (control.type === "checkbox") return control.checked;
  const nullable = schema.anyOf?.some((one) => one.type === "null");
  if (control.value.trim() === "") return nullable ? null : undefined;
  return control.type === "number" ? Number(control.value) : control.value.trim();
}
