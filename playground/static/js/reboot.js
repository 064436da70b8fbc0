// A node after its reboot: [data-watch-reboot=address] asks until the node is back, less and less often, not in a
// hidden tab nor while a dialog is open. The server says when it is back, and when to stop asking.
import { announce } from "./announce.js";
import { loginLink } from "./failure_notice.js";
import { morph } from "./morph.js";
import { inBackground, loadPage } from "./request.js";
import { localise } from "./times.js";

const FIRST_PAUSE_S = 2;
const MAX_PAUSE_S = 20;
const MAX_TOTAL_S = 1200; // the server says when to stop, unless it cannot be reached

const began = Date.now();
const failed = document.createElement("span");

const state = (root) => root.getElementById("node-state")?.textContent.trim();

// Parts of the page that say the state; the panel of the machine is replaced unless the API failed.
function show(page) {
  localise(page.body);
  for (const selector of ["#node-state", ".page-actions"]) {
    const [old, fresh] = [document, page].map((root) => root.querySelector(selector));
    if (old && fresh) morph(old, fresh);
  }
  for (const id of ["panel-node", "panel-gpus"]) {
    const [old, fresh] = [document, page].map((root) => root.getElementById(id));
    if (old && fresh && !fresh.querySelector(".problem")) morph(old, fresh);
  }
}

function giveUp(banner) {
  const text = "The state is no longer checked automatically.";
  banner.querySelector(".needs-script").textContent = text;
  banner.querySelector(".no-script").classList.remove("no-script");
  announce(text);
}

function follow(pause) {
  setTimeout(async () => {
    const banner = document.getElementById("reboot-watch");
    if (!banner) return;
    if (Date.now() - began > MAX_TOTAL_S * 1000) return giveUp(banner);
    let next = Math.min(MAX_PAUSE_S, pause * 1.3);
    if (document.hidden || document.querySelector("dialog[open]")) return follow(pause);
    try {
      const { page } = await loadPage(banner.dataset.watchReboot, "main", inBackground());
      failed.remove();
      const before = state(document);
      const watched = page.querySelector("[data-watch-reboot]");
      const now = state(page);
      if (now) show(page);
      if (watched) {
        if (now && now !== before) announce(`The node is ${now}.`);
        return follow(next);
      }
      const given = page.getElementById("reboot-watch"); // not back in time
      const notice = page.querySelector("main > .notice");
      document.querySelectorAll("main > .notice, main > .outcome").forEach((old) => old.remove());
      document.querySelector(".page-head").after(...[notice, given].filter((part, at, all) => part && all.indexOf(part) === at));
      announce((given ?? notice).textContent.trim().replace(/\s+/g, " "));
      if (!given) {
        const address = new URL(location.href);
        address.searchParams.delete("done");
        history.replaceState(history.state, "", address);
      }
      return undefined;
    } catch (problem) {
      if (!failed.isConnected) announce(`The last check failed. ${problem.message}`);
      failed.replaceChildren(` The last check failed. ${problem.message} `, ...(problem.loggedOut ? [loginLink()] : []));
      banner.querySelector(".needs-script").append(failed);
      next = Math.min(MAX_PAUSE_S, pause * 2);
    }
    return follow(next);
  }, pause * 1000);
}

follow(FIRST_PAUSE_S);
