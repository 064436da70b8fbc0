// Keyboard shortcuts: / filters, r reloads, g and a letter opens a page, ? lists them. Off while the user types.
import { reload } from "./panels.js";

const KEY = "playground.keys";
let waitingForPage = 0;

function typing(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

function act(key) {
  if (Date.now() - waitingForPage < 1500) {
    waitingForPage = 0;
    document.querySelector(`.sidebar [data-go="${CSS.escape(key)}"]`)?.click();
    return true;
  }
  if (key === "g") waitingForPage = Date.now();
  else if (key === "/") document.querySelector("[data-table-filter], input[type=search]:not([data-find])")?.focus();
  else if (key === "r") document.querySelectorAll("[data-panel]").forEach((panel) => reload(panel));
  else if (key === "?") document.getElementById("keys-dialog").showModal();
  else return false;
  return true;
}

export function start() {
  const toggle = document.querySelector("[data-keys-switch]");
  toggle.checked = localStorage.getItem(KEY) !== "off";
  toggle.addEventListener("change", () => localStorage.setItem(KEY, toggle.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (!toggle.checked || document.querySelector("dialog[open]")) return;
    if (act(event.key)) event.preventDefault();
  });
}
