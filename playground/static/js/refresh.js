// Elements that refresh automatically: [data-refresh=seconds] with an id. Only changed nodes are touched, so
// focus, scroll position, selection and open details stay. Paused in a hidden tab, while a dialog is open, or by
// the user; less often after errors; never two requests at once. A response may set another interval; 0 stops
// refreshing. The text of [data-tell] is announced when it changes.
import { announce } from "./announce.js";
import { backgroundFetch } from "./background.js";
import { prepare } from "./tables.js";
import { localise, span } from "./times.js";

const MAX_INTERVAL_S = 60;

// Makes `old` equal to `fresh` and keeps the nodes that are the same.
export function morph(old, fresh) {
  if (old.matches?.("details.raw[open]")) return undefined; // the user is reading it
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return undefined;
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  delete old._from;
  delete old._text;
  const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
  after.forEach((node, at) => (before[at] ? morph(before[at], node) : old.append(node)));
  before.slice(after.length).forEach((node) => node.remove());
  return undefined;
}

function begin(part) {
  const interval = () => Number(part.dataset.refresh);
  const announcement = () => part.querySelector("[data-tell]")?.textContent.trim();
  const toggle = document.querySelector(`[data-refresh-toggle="${part.id}"]`);
  const age = document.querySelector(`[data-refresh-age="${part.id}"]`);
  const now = document.querySelector(`[data-refresh-now="${part.id}"]`);
  let last = Date.now();
  let pause = interval();
  let busy = false;
  let failing = false;

  const load = async (send = backgroundFetch) => {
    if (busy) return;
    busy = true;
    try {
      const answer = await send(part.dataset.refreshFrom, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (!fresh) throw new Error("the page has changed");
      const card = fresh.querySelector(".problem-head strong");
      if (card && !part.querySelector(".problem")) throw new Error(card.textContent.trim()); // keep the shown data
      localise(fresh);
      prepare(fresh); // tables stay sorted and filtered
      const before = announcement();
      morph(part, fresh);
      part.classList.remove("is-stale");
      if (failing) announce("Refreshing works again.");
      if (announcement() && announcement() !== before) announce(announcement());
      [last, pause, failing] = [Date.now(), interval(), false];
    } catch (problem) {
      part.classList.add("is-stale");
      if (!failing) announce(`Refresh failed: ${problem.message}. The shown data is outdated.`);
      pause = Math.min(MAX_INTERVAL_S, pause * 2);
      failing = true;
    } finally {
      busy = false;
    }
  };
  let due = last + pause * 1000;
  setInterval(() => {
    const stopped = toggle?.getAttribute("aria-pressed") === "true";
    if (age) age.textContent = `${span((Date.now() - last) / 1000)} old${stopped ? ", paused" : failing ? ", refresh failed" : ""}`;
    if (stopped || !interval() || document.hidden || document.querySelector("dialog[open]") || Date.now() < due) return;
    load().finally(() => { due = Date.now() + pause * 1000; });
  }, 500);
  now?.addEventListener("click", () => load(fetch));
  toggle?.addEventListener("click", () => {
    const stopped = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(stopped));
    announce(stopped ? "Refreshing paused." : "Refreshing resumed.");
  });
}

export function start() {
  document.querySelectorAll("[data-refresh]").forEach(begin);
}
