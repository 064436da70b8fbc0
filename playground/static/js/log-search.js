// Search in a log: highlights matches in the elements with [data-log-text] of a [data-log-view], counts them, and goes
// from one to the next. Lines that are added later are searched as well. Without this script the form loads the page.
import { announce } from "./announce.js";

const MAX_MATCHES = 1000;
const WAIT_MS = 150;

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function unmark(part) {
  const marks = [...part.querySelectorAll("mark")];
  for (const mark of marks) mark.replaceWith(...mark.childNodes);
  if (marks.length) part.normalize();
}

// Highlights the matches in the text below an element, at most `most`; returns how many there are.
function mark(part, pattern, most) {
  const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement.closest("time, mark, .log-note") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  let count = 0;
  for (const node of nodes) {
    const text = node.data;
    const pieces = [];
    let at = 0;
    for (const found of text.matchAll(pattern)) {
      count += 1;
      if (count > most) continue;
      const hit = document.createElement("mark");
      hit.textContent = found[0];
      pieces.push(text.slice(at, found.index), hit);
      at = found.index + found[0].length;
    }
    if (at) node.replaceWith(...pieces, text.slice(at));
  }
  return count;
}

class LogSearch {
  constructor(root) {
    this.root = root;
    this.form = root.querySelector("[data-log-search]");
    this.field = this.form.elements.find;
    this.found = this.field.value;
    this.asked = this.found; // what the server has searched for
    this.hidden = 0; // matches beyond those that are highlighted
    const current = root.querySelector("mark.current");
    if (current) this.scrollTo(current);
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.field.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.search(), WAIT_MS);
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.shiftKey) return;
      event.preventDefault();
      this.step(-1);
    });
    for (const link of root.querySelectorAll("[data-log-step]")) {
      link.setAttribute("role", "button");
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.step(Number(link.dataset.logStep));
      });
      link.addEventListener("keydown", (event) => {
        if (event.key !== " ") return;
        event.preventDefault();
        this.step(Number(link.dataset.logStep));
      });
    }
    // follow-log.js adds lines.
    root.addEventListener("log-lines", (event) => this.add(event.detail));
  }

  get marks() {
    return [...this.root.querySelectorAll("[data-log-text] mark")];
  }

  get pattern() {
    return this.found.trim() ? new RegExp(escaped(this.found), "giu") : null;
  }

  submit(event) {
    clearTimeout(this.timer);
    // The server searches in more lines than this page has.
    if ("partial" in this.form.dataset && this.field.value.trim() && this.field.value !== this.asked) return;
    event.preventDefault();
    if (this.field.value === this.found) this.step(1);
    else this.search();
  }

  search() {
    if (this.field.value === this.found) return;
    this.found = this.field.value;
    const parts = [...this.root.querySelectorAll("[data-log-text]")];
    parts.forEach(unmark);
    const { pattern } = this;
    let total = 0;
    if (pattern) for (const part of parts) total += mark(part, pattern, MAX_MATCHES - total);
    this.hidden = Math.max(0, total - MAX_MATCHES);
    const address = new URL(location.href);
    address.searchParams.delete("match");
    if (pattern) address.searchParams.set("find", this.found);
    else address.searchParams.delete("find");
    address.hash = "";
    history.replaceState(history.state, "", address);
    const [first] = this.marks;
    if (first) this.goTo(first);
    else this.show();
    announce(this.text);
  }

  add(lines) {
    const { pattern } = this;
    if (!pattern) return;
    let room = MAX_MATCHES - this.marks.length;
    for (const line of lines) {
      const count = mark(line, pattern, Math.max(0, room));
      this.hidden += Math.max(0, count - Math.max(0, room));
      room -= count;
    }
    this.show();
  }

  step(by) {
    const { marks } = this;
    if (!marks.length) return;
    const at = marks.findIndex((hit) => hit.classList.contains("current"));
    this.goTo(marks[(at + by + marks.length) % marks.length]);
    announce(this.text);
  }

  goTo(hit) {
    for (const other of this.root.querySelectorAll("mark.current")) other.classList.remove("current");
    hit.classList.add("current");
    this.scrollTo(hit);
    this.show();
  }

  // Scrolls the box of the lines; the page moves only if the box is not in view.
  scrollTo(hit) {
    const box = hit.closest("[data-log-text]");
    box.scrollTop += hit.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 2;
    hit.scrollIntoView({ block: "nearest" });
  }

  get text() {
    if (!this.pattern) return "";
    const { marks } = this;
    const total = marks.length + this.hidden;
    if (!total) return "No matches";
    if (total === 1) return "1 match";
    const at = marks.findIndex((hit) => hit.classList.contains("current")) + 1;
    const note = this.hidden ? `, the first ${marks.length} are highlighted` : "";
    return `${at || 1} of ${total} matches${note}`;
  }

  show() {
    this.root.querySelector("[data-log-count]").textContent = this.text;
    for (const link of this.root.querySelectorAll("[data-log-step]")) link.hidden = !this.marks.length;
  }
}

// A reloaded panel contains a new log.
function begin() {
  for (const root of document.querySelectorAll("[data-log-view]:not([data-searchable])")) {
    root.dataset.searchable = "";
    new LogSearch(root);
  }
}

begin();
new MutationObserver(begin).observe(document.getElementById("main"), { childList: true, subtree: true });
