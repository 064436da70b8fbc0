// Follows the log of a session: [data-follow] polls for the lines after its cursor. Each line arrives once; the
// page keeps the latest. Polls less often while no lines arrive and after errors; not in a hidden tab or when paused.
import { announce } from "./announce.js";
import { loginLink } from "./failure_notice.js";
import { RequestFailure, inBackground, loadJson } from "./request.js";
import { localise } from "./times.js";

const MIN_PAUSE_S = 2;
const MAX_PAUSE_S = 10;
const MAX_PAUSE_AFTER_ERRORS_S = 60;
const MAX_LINES = 2000;

function lineOf({ time, text }) {
  const line = document.createElement("div");
  line.className = "log-line";
  if (time) {
    const when = document.createElement("time");
    when.dateTime = time;
    line.append(when);
    localise(line);
  }
  line.append(text);
  return line;
}

function noteOf(text) {
  const line = document.createElement("div");
  line.className = "log-line log-note";
  line.textContent = text;
  return line;
}

function add(box, lines) {
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
  box.append(...lines);
  // For the search in the log; see log-search.js.
  box.dispatchEvent(new CustomEvent("log-lines", { bubbles: true, detail: lines }));
  const over = box.childElementCount - MAX_LINES;
  for (let count = 0; count < over; count += 1) box.firstElementChild.remove();
  if (over > 0) box.prepend(noteOf(`Only the last ${MAX_LINES} lines are shown here; “Download full log” has the others.`));
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function follow(root) {
  const boxes = { system: root.querySelector("[data-log=system]"), container: root.querySelector("[data-log=container]") };
  const state = root.querySelector("[data-follow-state]");
  const toggle = root.querySelector("[data-follow-toggle]");
  const address = new URL(root.dataset.follow, location.href);
  address.searchParams.set("_panel", "log");
  let after = root.dataset.after;
  let pause = MIN_PAUSE_S;
  let due = Date.now() + pause * 1000;
  let busy = false;
  let failing = null; // why the log cannot be read
  let over = false;

  const show = (found) => {
    if (![found.system, found.container].every(Array.isArray)) throw new RequestFailure("The answer is not from the playground.");
    after = found.after;
    const count = found.system.length + found.container.length;
    const before = [];
    if (found.gap) before.push(noteOf("The API dropped the beginning of its log. Lines may be missing or repeated here."));
    if (found.left_out) before.push(noteOf(`${found.left_out} lines arrived at once and are not shown; “Download full log” has them.`));
    if (before.length) add(boxes.container, before);
    for (const kind of ["system", "container"]) if (found[kind].length) add(boxes[kind], found[kind].map(lineOf));
    pause = count ? MIN_PAUSE_S : Math.min(MAX_PAUSE_S, pause * 1.5);
    if (!found.ended) return;
    over = true;
    toggle.hidden = true;
    announce("The session has ended. The log is complete.");
  };

  const ask = async () => {
    busy = true;
    try {
      address.searchParams.set("after", after);
      const found = await loadJson(address, inBackground());
      if (found?.problem) throw new Error(found.problem);
      show(found ?? {});
      failing = null;
    } catch (problem) {
      if (!failing) announce(`The log cannot be read: ${problem.message} Retrying.`);
      failing = problem;
      pause = Math.min(MAX_PAUSE_AFTER_ERRORS_S, pause * 2);
    } finally {
      busy = false;
      due = Date.now() + pause * 1000;
    }
  };

  const tell = (paused) => {
    const text = over ? "The session has ended. The log is complete." : paused ? "Paused." : failing ? `The log cannot be read: ${failing.message} Retrying.` : "Live.";
    if (state.dataset.told === text) return; // the link in it keeps the focus
    state.dataset.told = text;
    state.replaceChildren(text, ...(failing?.loggedOut && !over && !paused ? [" ", loginLink()] : []));
  };

  toggle.addEventListener("click", () => {
    const paused = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(paused));
    announce(paused ? "Live log paused." : "Live log resumed.");
    if (!paused) due = 0;
  });
  for (const box of Object.values(boxes)) {
    if (!box.querySelector("mark.current")) box.scrollTop = box.scrollHeight; // else the match of a search is in view
  }
  const timer = setInterval(() => {
    const paused = toggle.getAttribute("aria-pressed") === "true";
    tell(paused);
    if (over) clearInterval(timer);
    if (over || busy || paused || document.hidden || Date.now() < due) return;
    if (root.isConnected) ask();
    else clearInterval(timer);
  }, 500);
}

// A reloaded panel contains a new log with its own cursor.
function begin() {
  for (const root of document.querySelectorAll("[data-follow]:not([data-following])")) {
    root.dataset.following = "";
    follow(root);
  }
}

begin();
new MutationObserver(begin).observe(document.getElementById("main"), { childList: true, subtree: true });
