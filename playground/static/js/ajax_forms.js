// Forms that answer in their place: [data-ajax-form=id] is sent by fetch and the part of the page with that id
// takes over what the answer's page has there. Parts that are under way ([data-watch]) are asked for again
// until they are not. Without a script the same forms lead to the same pages.
import { announce } from "./announce.js";
import { localise } from "./times.js";
import { morph } from "./refresh.js";

const EVERY = 700;
const SLOWEST = 10000;
const watched = new Set();

async function load(address, options) {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, ...options });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return [answer, page];
}

function take(part, page) {
  const fresh = page.getElementById(part.id);
  if (!fresh) return null;
  localise(fresh);
  const watching = part.querySelector("[data-watch]") ?? (part.dataset.watch ? part : null);
  morph(part, fresh);
  const said = (part.dataset.said ? part : part.querySelector("[data-said]"))?.dataset.said;
  if (said && watching) announce(said);
  // Raw JSON is coloured when it opens; this one came open.
  part.querySelectorAll(".raw[open]:not([data-coloured])").forEach((raw) => raw.dispatchEvent(new Event("toggle")));
  watch(part);
  return part;
}

function drawer(page) {
  for (const name of ["summary", ".drawer-body"]) {
    const [old, fresh] = [document, page].map((root) => root.querySelector(`#drawer ${name}`));
    if (!old || !fresh) continue;
    localise(fresh);
    old.replaceChildren(...fresh.childNodes);
  }
}

// Where focus goes when what had it is gone: to the part's heading, which is then read.
function heading(part) {
  const title = part.querySelector("[data-result]") ?? part.querySelector("h2");
  title.tabIndex = -1;
  return title;
}

async function submit(form, button) {
  const part = document.getElementById(form.dataset.ajaxForm);
  if (!part || part.getAttribute("aria-busy") === "true") return;
  part.setAttribute("aria-busy", "true");
  const body = new URLSearchParams(new FormData(form, button));
  try {
    const [answer, page] = await load(form.action, { method: "POST", body });
    if (!take(part, page)) {
      const text = page.querySelector("main")?.textContent.trim().replace(/\s+/g, " ");
      throw new Error(text || `HTTP ${answer.status}`);
    }
    drawer(page);
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
    if (focus) focus.focus();
    else if (!part.contains(document.activeElement)) heading(part).focus({ preventScroll: true });
  } catch (problem) {
    announce(`It was not done: ${problem.message}`);
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
    follow(part.id, EVERY);
  }
}

function follow(id, pause) {
  setTimeout(async () => {
    const part = document.getElementById(id);
    if (!part?.dataset.watch) {
      watched.delete(id);
      return;
    }
    let next = EVERY;
    if (!document.hidden && !document.querySelector("dialog[open]")) {
      try {
        const [answer, page] = await load(part.dataset.watch);
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        take(part, page);
        if (!part.dataset.watch) drawer((await load(location.href))[1]);
      } catch {
        next = Math.min(SLOWEST, pause * 2);
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
