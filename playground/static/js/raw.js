// Raw JSON: syntax colours and search, applied when it is opened. The text is not parsed, so integers stay exact.
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;
const MAX_COLOURED_LENGTH = 200000;

function colour(box) {
  const text = box.textContent;
  if (text.length > MAX_COLOURED_LENGTH) return;
  const parts = document.createDocumentFragment();
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    parts.append(text.slice(at, found.index));
    const span = document.createElement("span");
    span.className = found[1] ? (found[2] ? "json-name" : "json-text") : found[3] ? "json-number" : "json-word";
    span.textContent = found[1] ?? found[0];
    parts.append(span, found[2] ?? "");
    at = found.index + found[0].length;
  }
  parts.append(text.slice(at));
  box.replaceChildren(parts);
}

function find(details, wanted) {
  const box = details.querySelector(".raw-text");
  const count = details.querySelector("[data-find-count]");
  const text = box.textContent;
  box.textContent = text;
  if (!wanted) {
    count.textContent = "";
    colour(box);
    return;
  }
  const parts = document.createDocumentFragment();
  const lower = text.toLowerCase();
  let at = 0;
  let hits = 0;
  for (let next = lower.indexOf(wanted); next >= 0 && hits < 500; next = lower.indexOf(wanted, at)) {
    const mark = document.createElement("mark");
    mark.textContent = text.slice(next, next + wanted.length);
    parts.append(text.slice(at, next), mark);
    at = next + wanted.length;
    hits += 1;
  }
  parts.append(text.slice(at));
  box.replaceChildren(parts);
  count.textContent = hits === 500 ? "500 or more" : `${hits} found`;
  box.querySelector("mark")?.scrollIntoView({ block: "nearest" });
}

export function start() {
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.(".raw") && event.target.open && !event.target.dataset.coloured) {
      event.target.dataset.coloured = "yes";
      colour(event.target.querySelector(".raw-text"));
    }
  }, true);
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-find]")) find(event.target.closest(".raw"), event.target.value.toLowerCase());
  });
}
