// Parts that refresh themselves: [data-refresh=seconds] with an id. Only what changed is touched, so focus,
// scroll, selection and open details stay. Paused in a hidden tab, while a dialog is open, or on demand;
// slower after errors; never two requests at once. A refresh may bring another pace; 0 ends it. What
// [data-tell] says is told when it has changed.
import { announce } from "./announce.js";
import { localise, span } from "./times.js";

const SLOWEST = 60;

// Make `old` equal to `fresh` without replacing what is the same.
export function morph(old, fresh) {
  if (old.matches?.("details.raw[open]")) return undefined; // somebody is reading it
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
  const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
  after.forEach((node, at) => (before[at] ? morph(before[at], node) : old.append(node)));
  before.slice(after.length).forEach((node) => node.remove());
  return undefined;
}

function begin(part) {
  const every = () => Number(part.dataset.refresh);
  const told = () => part.querySelector("[data-tell]")?.textContent.trim();
  const toggle = document.querySelector(`[data-refresh-toggle="${part.id}"]`);
  const age = document.querySelector(`[data-refresh-age="${part.id}"]`);
  const now = document.querySelector(`[data-refresh-now="${part.id}"]`);
  let last = Date.now();
  let pause = every();
  let busy = false;
  let failing = false;

  const load = async () => {
    if (busy) return;
    busy = true;
    try {
      const answer = await fetch(part.dataset.refreshFrom, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (!fresh) throw new Error("the page has changed");
      const card = fresh.querySelector(".problem-head strong");
      if (card && !part.querySelector(".problem")) throw new Error(card.textContent.trim()); // keep what is shown
      localise(fresh);
      const before = told();
      morph(part, fresh);
      part.classList.remove("is-stale");
      if (failing) announce("Refreshing works again.");
      if (told() && told() !== before) announce(told());
      [last, pause, failing] = [Date.now(), every(), false];
    } catch (problem) {
      part.classList.add("is-stale");
      if (!failing) announce(`Refreshing failed: ${problem.message}. What is shown is old.`);
      pause = Math.min(SLOWEST, pause * 2);
      failing = true;
    } finally {
      busy = false;
    }
  };
  let due = last + pause * 1000;
  setInterval(() => {
    const stopped = toggle?.getAttribute("aria-pressed") === "true";
    if (age) age.textContent = `${span((Date.now() - last) / 1000)} old${stopped ? ", paused" : failing ? ", refreshing fails" : ""}`;
    if (stopped || !every() || document.hidden || document.querySelector("dialog[open]") || Date.now() < due) return;
    load().finally(() => { due = Date.now() + pause * 1000; });
  }, 500);
  now?.addEventListener("click", () => load());
  toggle?.addEventListener("click", () => {
    const stopped = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(stopped));
    announce(stopped ? "Refreshing is paused." : "Refreshing goes on.");
  });
}

export function start() {
  document.querySelectorAll("[data-refresh]").forEach(begin);
}
