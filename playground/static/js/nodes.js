// The list of nodes: counts the selected nodes, selects all rows that the filter shows, and takes the order and the
// filter of the table, which tables.js keeps in the URL, along when a country is chosen.
import { announce } from "./announce.js";

const KEPT = ["nodes.q", "nodes.sort"];

function boxes(form) {
  return [...form.querySelectorAll('input[type="checkbox"][name="node"]')];
}

function count(form) {
  const selected = boxes(form).filter((box) => box.checked).length;
  form.querySelector("[data-selected]").textContent = selected;
  return selected;
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-selection]");
  if (form) count(form);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-select-all]");
  if (button) {
    const form = button.closest("form");
    const shown = boxes(form).filter((box) => !box.closest("tr").hidden);
    const all = shown.every((box) => box.checked);
    for (const box of shown) box.checked = !all;
    announce(`${count(form)} selected.`);
    return;
  }
  const link = event.target.closest("[data-keep-query] a");
  if (!link) return;
  const address = new URL(link.href);
  const here = new URL(location.href).searchParams;
  for (const name of KEPT) {
    if (here.has(name)) address.searchParams.set(name, here.get(name));
    else address.searchParams.delete(name);
  }
  link.href = address;
});

// Enter in the filter of the table does not press the first button of the form around it.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("[data-selection] [data-table-filter]")) event.preventDefault();
});

// After Back, browsers restore the boxes.
addEventListener("pageshow", () => {
  const form = document.querySelector("[data-selection]");
  if (form) count(form);
});
