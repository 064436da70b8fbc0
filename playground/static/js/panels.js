// "Load again" for one panel: the same page is asked for with only that call, and its panel put in place.
import { say } from "./say.js";
import { localise } from "./times.js";
import { prepare } from "./tables.js";

export async function replacePanel(panel, signal) {
  const address = new URL(location.href);
  address.searchParams.delete("done");
  address.searchParams.set("_panel", panel.dataset.panel);
  const answer = await fetch(address, { headers: { Accept: "text/html" }, signal });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(panel.id);
  if (!fresh) throw new Error("The page has no such panel any more.");
  const open = [...panel.querySelectorAll("details[open][id]")].map((part) => part.id);
  const focused = panel.contains(document.activeElement) ? document.activeElement.className : null;
  localise(fresh);
  for (const id of open) fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  panel.replaceWith(fresh);
  prepare(fresh);
  if (focused?.includes("panel-reload")) fresh.querySelector(".panel-reload")?.focus();
  const log = page.getElementById("drawer");
  if (log) localise(log);
  if (log) document.querySelector("#drawer summary")?.replaceChildren(...log.querySelector("summary").childNodes);
  if (log) document.querySelector("#drawer .drawer-body")?.replaceChildren(...log.querySelector(".drawer-body").childNodes);
  return fresh;
}

export async function reload(panel) {
  if (panel.getAttribute("aria-busy") === "true") return;
  panel.setAttribute("aria-busy", "true");
  try {
    const fresh = await replacePanel(panel);
    say(`${fresh.querySelector("h2").textContent.trim()} loaded again.`);
  } catch (problem) {
    panel.setAttribute("aria-busy", "false");
    panel.classList.add("is-stale"); // what is shown is kept, and greyed
    say(`It could not be loaded again: ${problem.message}`);
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
