// Command palette: Ctrl+K, or the search button of the header, lists pages, sessions, nodes and methods. It only
// opens pages. The entries are fetched each time it is opened; the order is that of pages/search/entries.py.
import { loginLink } from "./failure_notice.js";
import { loadJson } from "./request.js";

const MAX_SHOWN = 50;
const NO_MATCH = 5;
const PAGE = 10;
let entries = [];
let active = 0;
let loading = false;
let entered = null; // the Enter key, pressed before the entries were there: whether with Ctrl

function rank(entry, text) {
  const title = entry.title.toLowerCase();
  if (title.startsWith(text)) return 0;
  for (let at = title.indexOf(text); at > 0; at = title.indexOf(text, at + 1)) {
    if (!/[\p{L}\p{N}]/u.test(title[at - 1])) return 1;
  }
  if (title.includes(text)) return 2;
  const whole = `${title} ${entry.kind} ${entry.hint}`.toLowerCase();
  if (text.split(/\s+/).every((word) => whole.includes(word))) return 3;
  let from = 0;
  for (const letter of text.replace(/\s/g, "")) {
    from = title.indexOf(letter, from) + 1;
    if (!from) return NO_MATCH;
  }
  return 4;
}

function matching(query) {
  const text = query.trim().toLowerCase();
  if (!text) return entries;
  const ranked = entries.map((entry) => [rank(entry, text), entry]);
  return ranked.filter(([place]) => place < NO_MATCH).sort(([a], [b]) => a - b).map(([, entry]) => entry);
}

function part(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}

function option(entry, at) {
  const item = document.createElement("li");
  item.id = `palette-option-${at}`;
  item.setAttribute("role", "option");
  item.dataset.url = entry.url;
  item.append(part("palette-title", entry.title), part("palette-hint", entry.hint), part("chip", entry.kind));
  return item;
}

function go(item, newTab) {
  const address = new URL(item.dataset.url, location.href);
  if (address.origin !== location.origin) return;
  const link = document.createElement("a"); // a click shows the loading bar, like that on any other link
  link.href = address;
  if (newTab) Object.assign(link, { target: "_blank", rel: "noopener" });
  document.body.append(link);
  link.click();
  link.remove();
}

export function start() {
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const [input, list, foot] = ["input", "[role=listbox]", "[role=status]"].map((name) => dialog.querySelector(name));

  const choose = (at) => {
    const items = [...list.children];
    active = Math.max(0, Math.min(items.length - 1, at));
    items.forEach((item, place) => item.setAttribute("aria-selected", String(place === active)));
    if (items[active]) {
      input.setAttribute("aria-activedescendant", items[active].id);
      items[active].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  };
  const show = () => {
    const found = matching(input.value);
    list.replaceChildren(...found.slice(0, MAX_SHOWN).map(option));
    input.setAttribute("aria-expanded", String(found.length > 0));
    choose(0);
    const more = found.length > MAX_SHOWN ? `, ${MAX_SHOWN} shown` : "";
    foot.textContent = found.length ? `${found.length} ${found.length === 1 ? "result" : "results"}${more}`
      : loading && !entries.length ? "Loading…" : "No results. Nodes and sessions are found once a page has shown them.";
  };
  const load = async () => {
    try {
      const fresh = await loadJson(dialog.dataset.palette);
      const chosen = list.children[active]?.dataset.url;
      ({ entries } = fresh);
      loading = false;
      show();
      // The user may have gone down the earlier list in the meantime.
      choose(Math.max(0, [...list.children].findIndex((item) => item.dataset.url === chosen)));
      if (entered !== null && dialog.open && list.children[active]) go(list.children[active], entered);
    } catch (problem) {
      foot.replaceChildren(`The entries could not be loaded. ${problem.message} `, ...(problem.loggedOut ? [loginLink()] : []));
    } finally {
      [loading, entered] = [false, null];
    }
  };
  const open = () => {
    dialog.showModal();
    input.select();
    if (entries.length) show();
    else foot.textContent = "Loading…";
    [loading, entered] = [true, null];
    load();
  };

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    if (dialog.open) input.select();
    else if (document.querySelector("dialog[open]")) return;
    else open();
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-open-palette]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  input.addEventListener("input", () => {
    entered = null;
    show();
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey) return;
    const last = list.children.length - 1;
    const next = { ArrowDown: active < last ? active + 1 : 0, ArrowUp: active > 0 ? active - 1 : last,
      Home: 0, End: last, PageDown: active + PAGE, PageUp: active - PAGE }[event.key];
    if (next !== undefined) choose(next);
    else if (event.key === "Enter" && list.children[active]) go(list.children[active], event.ctrlKey || event.metaKey);
    else if (event.key === "Enter" && loading && input.value) entered = event.ctrlKey || event.metaKey;
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) go(item, event.ctrlKey || event.metaKey);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // its backdrop
  });
}
