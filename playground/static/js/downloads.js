// Downloads with progress: a form with [data-download=id] is sent from here, and the element with that id shows
// the progress. The response is lines of JSON, then the file; see playground/web/downloads.py. The form also
// works without a script.
import { save } from "./copy.js";
import { announce } from "./announce.js";
import { clearFailures, showFailure } from "./failure_notice.js";
import { RequestFailure, refusal, send } from "./request.js";

const FILE = "application/octet-stream"; // a portal that asks for a login answers with a page
const UNITS = ["B", "kB", "MB", "GB"];

function size(bytes) {
  let unit = 0;
  let shown = bytes;
  for (; shown >= 1000 && unit < UNITS.length - 1; unit += 1) shown /= 1000;
  return `${unit ? shown.toFixed(1) : shown} ${UNITS[unit]}`;
}

function show(box, text, done, total) {
  const bar = box.querySelector("progress");
  if (total) [bar.max, bar.value] = [total, done];
  else bar.removeAttribute("value");
  box.querySelector("[data-download-text]").textContent = total ? `${text}: ${size(done)} of ${size(total)}` : `${text}: ${size(done)}`;
}

function concatenate(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// Reads the lines, then the file. Returns the file, or the URL of the page that shows why there is no file.
async function receive(reader, box) {
  let held = new Uint8Array(0);
  let head = null;
  while (!head) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the response ended early");
    held = concatenate([held, value]);
    for (let end = held.indexOf(10); end >= 0 && !head; end = held.indexOf(10)) {
      const line = JSON.parse(new TextDecoder().decode(held.subarray(0, end)));
      held = held.subarray(end + 1);
      if (line.see) return { see: line.see };
      if ("size" in line) head = line;
      else if ("done" in line) show(box, "From the API", line.done, line.total);
    }
  }
  const parts = [held];
  let got = held.length;
  while (got < head.size) {
    show(box, "To this browser", got, head.size);
    const { done, value } = await reader.read();
    if (done) throw new Error("the file ended early");
    parts.push(value);
    got += value.length;
  }
  return { name: head.name, file: new Blob(parts, { type: FILE }) };
}

function end(box, text) {
  box.querySelector("[data-download-text]").textContent = text;
  box.toggleAttribute("data-busy", false);
  announce(text);
}

async function begin(form) {
  const box = document.getElementById(form.dataset.download);
  if (!box || box.hasAttribute("data-busy")) return;
  form.closest("dialog")?.close();
  clearFailures();
  const stop = new AbortController();
  box.querySelector("[data-download-cancel]").onclick = () => stop.abort();
  box.hidden = false;
  box.toggleAttribute("data-busy", true);
  show(box, "From the API", 0, 0);
  announce("Download started.");
  try {
    const body = new FormData(form);
    body.set("steps", "yes");
    const answer = await send(form.action, { method: "POST", body, signal: stop.signal });
    if (!answer.ok) throw await refusal(answer);
    if (answer.redirected) return location.assign(answer.url);
    if (answer.headers.get("Content-Type") !== FILE) throw new RequestFailure("The answer is not from the playground.");
    const got = await receive(answer.body.getReader(), box);
    if (got.see) return location.assign(got.see);
    save(got.file, got.name);
    end(box, `Downloaded ${got.name}, ${size(got.file.size)}.`);
  } catch (problem) {
    if (problem.name === "AbortError") return end(box, "Download cancelled.");
    const failure = problem instanceof RequestFailure ? problem : new RequestFailure("The connection to the playground was lost.");
    box.querySelector("[data-download-text]").textContent = "Download failed.";
    box.toggleAttribute("data-busy", false);
    showFailure(box, failure, { read: "The file could not be loaded." });
  }
  return undefined;
}

export function start() {
  // In the capture phase, before the handlers that expect a new page: this page stays.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-download]")) return;
    event.preventDefault();
    event.stopPropagation();
    begin(event.target);
  }, true);
}
