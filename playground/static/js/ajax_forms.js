// Forms that update a part of the page: [data-ajax-form=id] is sent with fetch, and the element with that id is
// updated from the same element of the response. After a form with [data-to-result] the heading with the id
// "result" is brought into view; without a script the anchor of the redirect does this. Elements with [data-watch]
// are polled until the attribute is gone. Without a script the same forms load the same pages.
import { announce } from "./announce.js";
import { backgroundFetch } from "./background.js";
import { morph } from "./morph.js";
import { localise } from "./times.js";

const POLL_INTERVAL_MS = 700;
const MAX_POLL_INTERVAL_MS = 10000;
const watched = new Set();

async function load(address, send, options) {
  const answer = await send(address, { headers: { Accept: "text/html" }, ...options });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return [answer, page];
}

function update(part, page) {
  const fresh = page.getElementById(part.id);
  if (!fresh) return null;
  localise(fresh);
  const watching = part.querySelector("[data-watch]") ?? (part.dataset.watch ? part : null);
  morph(part, fresh);
  const said = (part.dataset.said ? part : part.querySelector("[data-said]"))?.dataset.said;
  if (said && watching) announce(said);
  // Raw JSON is coloured when it is opened; this one is open from the start.
  part.querySelectorAll(".raw[open]:not([data-coloured])").forEach((raw) => raw.dispatchEvent(new Event("toggle")));
  watch(part);
  return part;
}

function updateLog(page) {
  for (const name of ["summary", ".drawer-body"]) {
    const [old, fresh] = [document, page].map((root) => root.querySelector(`#drawer ${name}`));
    if (!old || !fresh) continue;
    localise(fresh);
    old.replaceChildren(...fresh.childNodes);
  }
}

// The heading of a part takes the focus when the focused element is gone; screen readers then read it.
function focusableHeading(part) {
  const title = part.querySelector("[data-result]") ?? part.querySelector("h2");
  title.tabIndex = -1;
  return title;
}

// Scrolls only if the heading is out of sight, or so low that nothing below it is seen.
function showResult(heading) {
  const { top } = heading.getBoundingClientRect();
  const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const header = document.querySelector(".topbar")?.getBoundingClientRect().bottom ?? 0;
  heading.focus({ preventScroll: true });
  if (top < header || top > innerHeight / 2) heading.scrollIntoView({ behavior: reduced ? "auto" : "smooth" });
}

function warn(text) {
  const notice = document.createElement("div");
  notice.className = "notice notice-warn";
  notice.textContent = text;
  document.querySelectorAll("main > .notice, main > .outcome").forEach((old) => old.remove());
  document.querySelector(".page-head").after(notice);
  announce(text);
}

async function submit(form, button) {
  const part = document.getElementById(form.dataset.ajaxForm);
  if (!part || part.getAttribute("aria-busy") === "true") return;
  part.setAttribute("aria-busy", "true");
  const body = new URLSearchParams(new FormData(form, button));
  let refused = false; // a response below 500 states its reason; after any other the outcome is unknown
  try {
    const [answer, page] = await load(form.action, fetch, { method: "POST", body });
    refused = answer.status < 500;
    if (!update(part, page)) {
      const text = page.querySelector("main")?.textContent.trim().replace(/\s+/g, " ");
      throw new Error(text || `HTTP ${answer.status}`);
    }
    updateLog(page);
    const notice = page.querySelector("main > .notice, main > .outcome");
    document.querySelectorAll("main > .notice, main > .outcome").forEach((old) => old.remove());
    if (notice) {
      document.querySelector(".page-head").after(notice);
      announce(notice.textContent.trim().replace(/\s+/g, " "));
    }
    if (answer.redirected) {
      const address = new URL(answer.url);
      address.searchParams.delete("done");
      history.replaceState(history.state, "", address);
    }
    const focus = part.querySelector("[data-focus]") ?? part.querySelector("[aria-invalid=true]");
    const result = "toResult" in form.dataset && !notice && part.querySelector("#result");
    if (focus) focus.focus();
    else if (result) showResult(result);
    else if (!part.contains(document.activeElement)) focusableHeading(part).focus({ preventScroll: true });
  } catch (problem) {
    const unknown = refused ? "" : " A change may have been carried out: check the request log before you send it again.";
    warn(`The request failed: ${problem.message.replace(/\.?$/, ".")}${unknown}`);
  } finally {
    part.removeAttribute("aria-busy");
  }
}

function watch(root) {
  const parts = [...root.querySelectorAll("[data-watch]")];
  if (root.dataset?.watch) parts.push(root);
  for (const part of parts) {
    if (watched.has(part.id)) continue;
    watched.add(part.id);
    follow(part.id, POLL_INTERVAL_MS);
  }
}

function follow(id, pause) {
  setTimeout(async () => {
    const part = document.getElementById(id);
    if (!part?.dataset.watch) {
      watched.delete(id);
      return;
    }
    let next = POLL_INTERVAL_MS;
    if (!document.hidden && !document.querySelector("dialog[open]")) {
      try {
        const [answer, page] = await load(part.dataset.watch, backgroundFetch);
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        update(part, page);
        if (!part.dataset.watch) updateLog((await load(location.href, backgroundFetch))[1]);
      } catch {
        next = Math.min(MAX_POLL_INTERVAL_MS, pause * 2);
      }
    }
    follow(id, next);
  }, pause);
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-ajax-form]")) return;
  event.preventDefault();
  submit(event.target, event.submitter);
});
document.addEventListener("DOMContentLoaded", () => watch(document));
