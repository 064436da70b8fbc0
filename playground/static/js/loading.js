// Shows a loading bar when the next page takes longer than 400 ms, and a Cancel button for reads after 2 s.
import { announce } from "./announce.js";

let timers = [];

function clear() {
  timers.forEach(clearTimeout);
  timers = [];
  for (const part of document.querySelectorAll(".loading-bar, .loading-cancel")) part.remove();
}

function begin(change) {
  clear();
  timers.push(setTimeout(() => {
    const bar = document.createElement("div");
    bar.className = "loading-bar";
    document.body.append(bar);
  }, 400));
  timers.push(setTimeout(() => {
    announce(change ? "Still waiting for the response. The request has been sent and cannot be cancelled." : "Still loading.");
    const button = document.createElement("button");
    button.className = "loading-cancel btn btn-sm btn-primary";
    button.disabled = change;
    button.textContent = change ? "Sent, waiting for the response" : "Cancel";
    button.addEventListener("click", () => {
      stop();
      clear();
      announce("Cancelled.");
    });
    document.body.append(button);
  }, 2000));
}

export function start() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.pathname === location.pathname && link.search === location.search && link.hash) return;
    begin(false);
  });
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) begin(event.target.method === "post");
  });
  addEventListener("pageshow", clear);
}
