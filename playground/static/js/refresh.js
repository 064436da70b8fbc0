// Elements that refresh automatically: [data-refresh=seconds] with an id. Only changed nodes are touched, so
// focus, scroll position, selection and open details stay. Paused in a hidden tab, while a dialog is open, while
// the user types or selects text in the element, or by the user; less often after errors; never two requests at
// once. A response may set another interval; 0 stops refreshing. The text of [data-tell] is announced when it
// changes. One that is due soon is requested together with another, by its [data-refresh-also]; any response with a
// newer version of it, by [data-refresh-at], refreshes it. Elements with [data-refresh-with=id] follow that one.
import { announce } from "./announce.js";
import { loginLink } from "./failure_notice.js";
import { morph } from "./morph.js";
import { inBackground, loadPage } from "./request.js";
import { prepare } from "./tables.js";
import { localise, span } from "./times.js";

const MAX_INTERVAL_S = 60;
const TYPING_MS = 3000;

// A row that moves loses the focus.
function apply(old, fresh) {
  const focused = document.activeElement;
  localise(fresh);
  prepare(fresh); // tables stay sorted and filtered
  morph(old, fresh);
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

const targetOf = (root) => root.getElementById("balance")?.dataset.target;
const parts = [];
let underWay = false;

class Part {
  constructor(element) {
    this.element = element;
    this.pause = this.interval;
    [this.last, this.typed, this.failing] = [Date.now(), -Infinity, false];
    this.due = this.last + this.pause * 1000;
    element.addEventListener("input", () => { this.typed = Date.now(); });
    this.toggle = document.querySelector(`[data-refresh-toggle="${element.id}"]`);
    this.age = document.querySelector(`[data-refresh-age="${element.id}"]`);
    document.querySelector(`[data-refresh-now="${element.id}"]`)?.addEventListener("click", () => {
      if (underWay) this.due = 0;
      else this.load({});
    });
    this.toggle?.addEventListener("click", () => {
      this.toggle.setAttribute("aria-pressed", String(!this.stopped));
      announce(this.stopped ? "Refreshing paused." : "Refreshing resumed.");
    });
  }

  get interval() { return Number(this.element.dataset.refresh); }

  get stopped() {
    return this.toggle?.matches("[aria-pressed=true], [type=checkbox]:not(:checked)") ?? false;
  }

  get news() { return this.element.querySelector("[data-tell]")?.textContent.trim(); }

  get selecting() {
    const chosen = getSelection();
    return !chosen.isCollapsed && chosen.rangeCount > 0 && chosen.getRangeAt(0).intersectsNode(this.element);
  }

  refreshed(fresh) {
    const before = this.news;
    apply(this.element, fresh);
    this.element.classList.remove("is-stale");
    this.note?.remove();
    // Together: the region says the last announcement only.
    const told = [this.failing && "Refreshing works again.", this.news !== before && this.news].filter(Boolean);
    if (told.length) announce(told.join(" "));
    [this.last, this.pause, this.failing] = [Date.now(), this.interval, false];
    this.due = this.last + this.pause * 1000;
  }

  // Also for those who look: the region is for screen readers. In the header there is room for two words.
  showFailure(text, loggedOut) {
    const inHeader = this.element.matches("span");
    this.note ??= document.createElement(inHeader ? "span" : "p");
    this.note.className = inHeader ? "balance-age" : "notice notice-warn refresh-failure";
    this.note.dataset.requestFailure = "";
    this.note.title = inHeader ? text : "";
    this.note.replaceChildren(...(inHeader ? [" not refreshed"] : [text, ...(loggedOut ? [" ", loginLink()] : [])]));
    if (inHeader) this.element.append(this.note);
    else this.element.before(this.note);
  }

  async load(options = inBackground()) {
    if (underWay) return;
    underWay = true;
    let wait = 0;
    const soon = Date.now() + this.interval * 1000;
    const also = parts.filter((part) => part !== this && !part.stopped && part.due <= soon).map((part) => part.element.dataset.refreshAlso);
    const headers = { ...options.headers, "X-Refresh-Also": also.filter(Boolean).join(" ") };
    try {
      const { page } = await loadPage(this.element.dataset.refreshFrom, this.element.id, { ...options, headers });
      const fresh = page.getElementById(this.element.id);
      if (targetOf(page) && targetOf(page) !== targetOf(document)) throw new Error("another tab has changed the API or the key; reload this page");
      const card = fresh.querySelector(".problem-head strong");
      if (card && !this.element.querySelector(".problem")) { // keep the shown data
        wait = Number(fresh.querySelector("[data-countdown]")?.dataset.countdown ?? 0);
        throw new Error(card.textContent.trim());
      }
      if (fresh.dataset.refreshFailed) throw new Error(fresh.dataset.refreshFailed);
      this.refreshed(fresh);
      carry(page, this);
    } catch (problem) {
      const name = this.element.dataset.refreshName;
      this.element.classList.add("is-stale");
      const text = `${name ? `${name}: refresh` : "Refresh"} failed: ${problem.message.replace(/\.?$/, ".")} The shown data is outdated.`;
      this.showFailure(text, problem.loggedOut);
      if (!this.failing) announce(text);
      this.pause = Math.max(wait, Math.min(Math.max(MAX_INTERVAL_S, 4 * this.interval), this.pause * 2));
      this.failing = true;
      this.due = Date.now() + this.pause * 1000;
    } finally {
      underWay = false;
    }
  }

  tick() {
    if (this.age) {
      const state = this.stopped ? ", paused" : this.selecting ? ", paused while text is selected" : this.failing ? ", refresh failed" : "";
      this.age.textContent = `${span((Date.now() - this.last) / 1000)} old${state}`;
    }
    if (this.stopped || !this.interval || Date.now() < this.due) return;
    if (document.hidden || document.querySelector("dialog[open]")) return;
    if (this.selecting || Date.now() - this.typed < TYPING_MS) return;
    this.load();
  }
}

// Takes what else is newer in the response to a refresh.
function carry(page, source) {
  for (const part of parts) {
    const fresh = part === source ? null : page.getElementById(part.element.id);
    if (Number(fresh?.dataset.refreshAt) > Number(part.element.dataset.refreshAt)) part.refreshed(fresh);
  }
  for (const old of document.querySelectorAll(`[data-refresh-with="${source.element.id}"]`)) {
    const fresh = page.getElementById(old.id);
    if (fresh) apply(old, fresh);
  }
}

export function start() {
  // The parts of the page come before the balance in its header, which they bring along.
  for (const element of document.querySelectorAll("[data-refresh]")) parts.unshift(new Part(element));
  setInterval(() => parts.forEach((part) => part.tick()), 500);
}
