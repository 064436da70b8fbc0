// Follows a session's log: [data-follow] asks for what came after its cursor. Each line comes once; the page
// keeps the latest. Slower while nothing is written and after errors; silent in a hidden tab or when paused.
import { announce } from "./announce.js";
import { localise } from "./times.js";

const FASTEST = 2;
const SLOWEST = 10;
const MOST_LINES = 2000;

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
  const over = box.childElementCount - MOST_LINES;
  for (let count = 0; count < over; count += 1) box.firstElementChild.remove();
  if (over > 0) box.prepend(noteOf(`Only the last ${MOST_LINES} lines are kept here; “All of it” has the others.`));
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function follow(root) {
  const boxes = { system: root.querySelector("[data-log=system]"), container: root.querySelector("[data-log=container]") };
  const state = root.querySelector("[data-follow-state]");
  const toggle = root.querySelector("[data-follow-toggle]");
  const address = new URL(root.dataset.follow, location.href);
  address.searchParams.set("_panel", "log");
  let after = root.dataset.after;
  let pause = FASTEST;
  let due = Date.now() + pause * 1000;
  let busy = false;
  let failing = false;
  let over = false;

  const show = (found) => {
    after = found.after;
    const some = found.system.length + found.container.length;
    const before = [];
    if (found.gap) before.push(noteOf("The API has dropped the beginning of its log: lines may be missing or repeated here."));
    if (found.left_out) before.push(noteOf(`${found.left_out} lines came at once and are not shown; “All of it” has them.`));
    if (before.length) add(boxes.container, before);
    for (const kind of ["system", "container"]) if (found[kind].length) add(boxes[kind], found[kind].map(lineOf));
    pause = some ? FASTEST : Math.min(SLOWEST, pause * 1.5);
    if (!found.ended) return;
    over = true;
    toggle.hidden = true;
    announce("The session has ended. Its log is complete.");
  };

  const ask = async () => {
    busy = true;
    try {
      address.searchParams.set("after", after);
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const found = await answer.json();
      if (found.problem) throw new Error(found.problem);
      show(found);
      failing = false;
    } catch (problem) {
      if (!failing) announce(`The log cannot be read: ${problem.message}. It is tried again.`);
      failing = true;
      pause = Math.min(60, pause * 2);
    } finally {
      busy = false;
      due = Date.now() + pause * 1000;
    }
  };

  const words = (paused) => {
    if (over) return "The session has ended: this is all it wrote.";
    if (paused) return "Paused.";
    return failing ? "It cannot be read at the moment; tried again." : "Followed live.";
  };

  toggle.addEventListener("click", () => {
    const paused = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(paused));
    announce(paused ? "Following is paused." : "Following goes on.");
    if (!paused) due = 0;
  });
  for (const box of Object.values(boxes)) box.scrollTop = box.scrollHeight;
  const timer = setInterval(() => {
    const paused = toggle.getAttribute("aria-pressed") === "true";
    if (state.textContent !== words(paused)) state.textContent = words(paused);
    if (over) clearInterval(timer);
    if (over || busy || paused || document.hidden || Date.now() < due) return;
    if (root.isConnected) ask();
    else clearInterval(timer);
  }, 500);
}

// A panel that was loaded again brings a new log with a cursor of its own.
function begin() {
  for (const root of document.querySelectorAll("[data-follow]:not([data-following])")) {
    root.dataset.following = "";
    follow(root);
  }
}

begin();
new MutationObserver(begin).observe(document.getElementById("main"), { childList: true, subtree: true });
