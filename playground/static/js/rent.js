// The rent form: choosing an application fills in its values, in place and without a request. What the user typed is
// kept and marked. The same rules as in playground/pages/rent/app_fill.py, for browsers without scripts.
import { announce } from "./announce.js";
import { appended, filledVariables, readVariables, variablesText } from "./variables.js";

const form = document.querySelector("[data-apps]");
const apps = form ? JSON.parse(form.dataset.apps) : {};
const select = form?.querySelector("select[name=app]");
const PORTS = ["ports", "http_ports"];

const input = (name) => form.elements.namedItem(name);
const normal = (name, text) => (PORTS.includes(name) ? text.split(/[\s,;]+/).filter(Boolean).join(" ") : text.trim());
const same = (name, one, other) => normal(name, one) === normal(name, other);
const labelOf = (name) => form.querySelector(`label[for="${name}"]`).firstChild.textContent.trim();

function put(name, text) {
  const field = input(name);
  if (field.value === text) return false;
  field.value = text;
  if (field.rows) field.rows = Math.max(3, Math.min(12, text.split("\n").length + 1));
  if (field.closest("details") && text) field.closest("details").open = true;
  return true;
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Adds the mark of a field to what describes the field, or removes it.
function describe(name, marked) {
  const ids = input(name).getAttribute("aria-describedby").split(" ").filter((id) => id !== `${name}-kept`);
  input(name).setAttribute("aria-describedby", [...ids, ...(marked ? [`${name}-kept`] : [])].join(" "));
}

// The mark of a kept value, as in components/rent.html.
function mark(name, words, codes) {
  const icon = element("i", { className: "bi bi-pin-angle", ariaHidden: "true" });
  const text = element("span", {}, `Kept: ${words} `);
  codes.forEach((code, at) => text.append(at ? ", " : "", element("code", { textContent: code.slice(0, 180) })));
  if (name === "disk_size") text.append(" GB");
  const button = element("button", {
    type: "submit", name: "step", value: `take:${name}`, className: "btn btn-sm btn-outline-secondary",
    textContent: `Use the application's ${name === "envs" ? "values" : "value"}`,
  });
  button.dataset.take = name;
  const box = element("div", { className: "kept", id: `${name}-kept` }, element("p", {}, icon, " ", text), button);
  document.getElementById(`${name}-help`).before(box);
  describe(name, true);
}

// Marks the fields that differ from the application's values; returns their labels.
function markKept(values) {
  for (const old of form.querySelectorAll(".kept")) {
    old.remove();
    describe(old.id.replace("-kept", ""), false);
  }
  if (!select.value) return [];
  const kept = [];
  for (const [name, text] of Object.entries(values.texts)) {
    if (same(name, input(name).value, text) || (name === "image" && !text)) continue;
    const what = name === "disk_size" ? "minimum" : "value";
    mark(name, text ? `differs from the application's ${what}` : "the application has no value here", text ? [text] : []);
    kept.push(labelOf(name));
  }
  const typed = readVariables(input("envs").value) ?? new Map();
  const apart = values.envs.filter(([name, value]) => typed.get(name) !== value);
  if (apart.length) {
    const words = `differs from the application's ${apart.length === 1 ? "value" : "values"}`;
    mark("envs", words, apart.map(([name, value]) => `${name}=${value}`));
    kept.push(labelOf("envs"));
  }
  return kept;
}

function showApp(values) {
  const panel = document.querySelector("[data-app-panel]");
  panel.hidden = !select.value;
  const texts = { name: values.name, description: values.description, vram: values.min_vram, disk: values.min_disk };
  for (const [name, text] of Object.entries(texts)) {
    panel.querySelector(`[data-app-${name}]`).textContent = text || (name === "description" ? "" : "—");
  }
  const guide = element("p", { className: "app-guide" });
  if (values.guide_link) {
    const link = { href: values.guide_link, target: "_blank", rel: "noreferrer noopener", textContent: "Guide (opens a new tab)" };
    guide.append(element("a", link));
  } else guide.append("Guide: ", element("code", { className: "anywhere", textContent: values.guide }));
  panel.querySelector("[data-app-guide]").replaceChildren(...(values.guide ? [guide] : []));
  for (const link of document.querySelectorAll("[data-app-link]")) {
    const address = new URL(link.href);
    if (select.value) address.searchParams.set("app", select.value);
    else address.searchParams.delete("app");
    link.href = address.href;
  }
}

function choose() {
  const values = apps[select.value];
  if (!values) return; // an application that is not in the catalogue
  const base = apps[""];
  const old = apps[input("filled").value] ?? base;
  const changed = [];
  for (const [name, text] of Object.entries(base.texts)) {
    const typed = input(name).value;
    if (!same(name, typed, "") && !same(name, typed, old.texts[name] ?? text)) continue;
    if (put(name, values.texts[name] ?? text)) changed.push(labelOf(name));
  }
  if (put("envs", filledVariables(input("envs").value, old.envs, values.envs))) changed.push(labelOf("envs"));
  input("filled").value = select.value;
  showApp(values);
  const kept = markKept(values);
  const words = [changed.length ? `Filled in: ${changed.join(", ")}.` : "No field changed."];
  if (kept.length) words.push(`Kept: ${kept.join(", ")}.`);
  announce(words.join(" "));
}

function take(name) {
  const values = apps[select.value];
  if (name === "envs") {
    const typed = readVariables(input("envs").value);
    put(name, typed ? variablesText(new Map([...typed, ...values.envs])) : appended(input("envs").value, values.envs));
  } else put(name, values.texts[name]);
  markKept(values);
  input(name).focus();
  announce(`${labelOf(name)}: the application's ${name === "envs" ? "values are" : "value is"} filled in.`);
}

if (select) {
  select.addEventListener("change", choose);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-take]");
    if (!button || !apps[select.value]) return;
    event.preventDefault();
    take(button.dataset.take);
  });
}
