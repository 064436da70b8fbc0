// Forms that update a part of the page: [data-ajax-form=id] is sent with fetch, and the element with that id is
// updated from the same element of the response. After a form with [data-to-result] the heading with the id
// "result" is brought into view; without a script the anchor of the redirect does this. Elements with [data-watch]
// are polled until the attribute is gone. A failure is shown at the button; a form with [data-read] changes nothing.
// Without a script the same forms load the same pages.
import { announce } from "./announce.js";
import { clearFailures, loginLink, showFailure } from "./failure_notice.js";
import { morph } from "./morph.js";
import { RequestFailure, inBackground, loadPage } from "./request.js";
import { localise } from "./times.js";

const POLL_INTERVAL_MS = 700;
const MAX_POLL_INTERVAL_MS = 10000;
const watched = new Set();
const notes = new Map(); // the notices of polls that failed, by the id of the part

function update(part, page) {
  const fresh = page.getElementById(part.id);
  localise(fresh);
  const watching = part.querySelector("[data-watch]") ?? (part.dataset.watch ? part : null);
  morph(part, fresh);
  const said = (part.dataset.said ? part : part.querySelector("[data-said]"))?.dataset.said;
  if (said && watching) announce(said);
  // Raw JSON is coloured when it is opened; this one is open from the start.
  part.querySelectorAll(".raw[open]:not([data-coloured])").forEach((raw) => raw.dispatchEvent(new Event("toggle")));
  watch(part);
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

async function submit(form, button) {
  const part = document.getElementById(form.dataset.ajaxForm);
  if (!part || part.getAttribute("aria-busy") === "true") return;
  part.setAttribute("aria-busy", "true");
  const body = new URLSearchParams(new FormData(form, button));
  clearFailures();
  try {
    const { answer, page } = await loadPage(form.action, part.id, { method: "POST", body });
    update(part, page);
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
    if (!(problem instanceof RequestFailure)) throw problem;
    showFailure(button ?? form, problem, { change: !("read" in form.dataset) });
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

// The progress is outdated until a poll succeeds.
function showPollFailure(part, problem) {
  const note = notes.get(part.id) ?? document.createElement("p");
  notes.set(part.id, note);
  note.className = "notice notice-warn poll-failure";
  note.dataset.requestFailure = "";
  const text = `${problem.message} The progress below is outdated. Retrying.`;
  note.replaceChildren(text, ...(problem.loggedOut ? [" ", loginLink()] : []));
  if (!note.isConnected) {
    part.before(note);
    announce(text);
  }
}

function follow(id, pause) {
  setTimeout(async () => {
    const part = document.getElementById(id);
    if (!part?.dataset.watch) {
      watched.delete(id);
      notes.get(id)?.remove();
      return;
    }
    let next = POLL_INTERVAL_MS;
    if (!document.hidden && !document.querySelector("dialog[open]")) {
      try {
        const { page } = await loadPage(part.dataset.watch, id, inBackground());
        notes.get(id)?.remove();
        update(part, page);
        if (!part.dataset.watch) updateLog((await loadPage(location.href, "drawer", inBackground())).page);
      } catch (problem) {
        if (!(problem instanceof RequestFailure)) throw problem;
        showPollFailure(part, problem);
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
