// Tables: sort by a column, filter by text, save as CSV. Order and filter are kept in the URL.
import { save } from "./copy.js";
import { announce } from "./announce.js";

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function keepInUrl(id, name, value) {
  const address = new URL(location.href);
  const key = `${id}.${name}`;
  if (value) address.searchParams.set(key, value);
  else address.searchParams.delete(key);
  history.replaceState(history.state, "", address);
}

function value(row, index, numeric) {
  const cell = row.cells[index];
  const raw = cell?.dataset.value ?? cell?.textContent.trim() ?? "";
  return numeric ? (raw === "" ? NaN : Number(raw)) : raw;
}

function sort(box, index, descending) {
  const heads = [...box.querySelectorAll("thead th")];
  const numeric = heads[index].dataset.kind === "num";
  const body = box.querySelector("tbody");
  const rows = [...body.rows].map((row) => [value(row, index, numeric), row]);
  rows.sort(([a], [b]) => {
    if (!numeric) return descending ? collator.compare(b, a) : collator.compare(a, b);
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // unknown values come last
    return descending ? b - a : a - b;
  });
  body.append(...rows.map(([, row]) => row));
  heads.forEach((head, at) => {
    if (at === index) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}

function filter(box, text) {
  const wanted = text.trim().toLowerCase();
  const rows = [...box.querySelectorAll("tbody tr")];
  let shown = 0;
  for (const row of rows) {
    row._text ??= row.textContent.toLowerCase();
    row.hidden = !row._text.includes(wanted);
    if (!row.hidden) shown += 1;
  }
  const count = box.querySelector("[data-table-count]");
  const noun = (number) => (number === 1 ? count.dataset.one : count.dataset.noun);
  count.textContent = wanted ? `${shown} of ${rows.length} ${noun(rows.length)}` : `${rows.length} ${noun(rows.length)}`;
  return `${shown} ${noun(shown)}`;
}

function csvCell(text) {
  // A spreadsheet would run these as formulas.
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?[\d.]+$/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

function csv(box) {
  const heads = [...box.querySelectorAll("thead th")].map((head) => csvCell(head.textContent.trim()));
  const rows = [...box.querySelectorAll("tbody tr")].filter((row) => !row.hidden);
  const lines = rows.map((row) =>
    [...row.cells].map((cell) => csvCell((cell.dataset.value ?? cell.textContent).trim().replace(/\s+/g, " "))).join(","));
  save([heads.join(","), ...lines].join("\r\n"), `${box.dataset.table}.csv`);
}

export function prepare(root) {
  const asked = new URL(location.href).searchParams;
  for (const box of root.querySelectorAll("[data-table]")) {
    const id = box.dataset.table;
    const order = asked.get(`${id}.sort`);
    const heads = [...box.querySelectorAll("thead th")];
    const index = heads.findIndex((head) => head.textContent.trim() === order?.replace(/^-/, ""));
    if (index >= 0) sort(box, index, order.startsWith("-"));
    const text = asked.get(`${id}.q`);
    const input = box.querySelector("[data-table-filter]");
    if (text && input) {
      input.value = text;
      filter(box, text);
    }
  }
}

export function start() {
  prepare(document);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-sort]");
    if (button) {
      const head = button.closest("th");
      const descending = head.getAttribute("aria-sort") === "ascending";
      const box = head.closest("[data-table]");
      sort(box, head.cellIndex, descending);
      keepInUrl(box.dataset.table, "sort", (descending ? "-" : "") + head.textContent.trim());
      announce(`Sorted by ${head.textContent.trim()}, ${descending ? "descending" : "ascending"}.`);
    }
    if (event.target.closest("[data-table-csv]")) csv(event.target.closest("[data-table]"));
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-table-filter]")) return;
    const box = event.target.closest("[data-table]");
    announce(filter(box, event.target.value));
    keepInUrl(box.dataset.table, "q", event.target.value.trim());
  });
}
