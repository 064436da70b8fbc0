// Reloads one panel: fetches the page with only the call of that panel, not from the cache, and replaces the panel.
import { announce } from "./announce.js";
import { loginLink } from "./failure_notice.js";
import { loadPage } from "./request.js";
import { localise, span } from "./times.js";
import { prepare } from "./tables.js";

// When a panel was loaded, in milliseconds since the page was opened.
const loaded = new WeakMap();

// Keeps the outdated content of a panel, greyed and with its age, below the reason why the reload failed.
function keepStale(panel, reason) {
  const body = panel.querySelector(".panel-body");
  body.querySelector(":scope > .stale-note")?.remove();
  const passed = Math.round((performance.now() - (loaded.get(panel) ?? 0)) / 1000);
  const age = document.createElement("span");
  age.dataset.ticking = passed;
  age.textContent = span(passed);
  const words = document.createElement("p");
  words.className = "age";
  words.append("The data below is from ", age, " ago.");
  const note = document.createElement("div");
  note.className = "stale-note";
  note.append(reason, words);
  body.prepend(note);
  panel.classList.add("is-stale");
  panel.setAttribute("aria-busy", "false");
}

function warning(text, loggedOut) {
  const notice = document.createElement("p");
  notice.className = "notice notice-warn";
  notice.append(text, ...(loggedOut ? [" ", loginLink()] : []));
  return notice;
}

function problemOf(panel) {
  return panel.querySelector(".panel-body > .problem, .panel-body > .needs-key");
}

function isError(panel) {
  return problemOf(panel) !== null;
}

async function replacePanel(panel) {
  const address = new URL(location.href);
  address.searchParams.delete("done");
  address.searchParams.set("_panel", panel.dataset.panel);
  address.searchParams.set("_fresh", "1");
  const { page } = await loadPage(address, panel.id);
  const fresh = page.getElementById(panel.id);
  updateLog(page);
  updateBanner(page);
  if (isError(fresh) && !isError(panel)) {
    keepStale(panel, problemOf(fresh));
    return panel;
  }
  const open = [...panel.querySelectorAll("details[open][id]")].map((part) => part.id);
  const focused = panel.contains(document.activeElement) && document.activeElement.matches("[data-reload-panel]");
  localise(fresh);
  for (const id of open) fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  panel.replaceWith(fresh);
  loaded.set(fresh, performance.now());
  prepare(fresh);
  if (focused) fresh.querySelector(".panel-reload")?.focus();
  return fresh;
}

function updateLog(page) {
  const log = page.getElementById("drawer");
  if (!log) return;
  localise(log);
  document.querySelector("#drawer summary")?.replaceChildren(...log.querySelector("summary").childNodes);
  document.querySelector("#drawer .drawer-body")?.replaceChildren(...log.querySelector(".drawer-body").childNodes);
}

// The banner that says that the key was refused comes and goes with the calls.
function updateBanner(page) {
  const [old, fresh] = [document, page].map((each) => each.getElementById("key-banner"));
  if (!fresh) old?.remove();
  else if (!old) document.querySelector("#main").prepend(fresh);
}

export async function reload(panel) {
  if (panel.getAttribute("aria-busy") === "true") return;
  panel.setAttribute("aria-busy", "true");
  try {
    const fresh = await replacePanel(panel);
    const title = fresh.querySelector("h2").textContent.trim();
    const failed = fresh.classList.contains("is-stale") || isError(fresh);
    announce(failed ? `${title}: reload failed.` : `${title} reloaded.`);
  } catch (problem) {
    const text = `Reload failed: ${problem.message}`;
    keepStale(panel, warning(text, problem.loggedOut));
    announce(text);
  }
}

export function start() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-reload-panel]");
    const panel = link?.closest("[data-panel]");
    if (!panel || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (!link.classList.contains("disabled")) reload(panel);
  }, true);
}
