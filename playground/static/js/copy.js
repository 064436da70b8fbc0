// Copy and save buttons; the button and the live region show the result.
import { announce } from "./announce.js";
import { showNotice } from "./failure_notice.js";

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not a secure context, or permission denied
  }
}

export function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export function showCopied(button, done) {
  if (!done) {
    showNotice(button, ["The browser refused to copy. Select the text instead."]);
    return;
  }
  button.dataset.done = "";
  announce(`Copied.${button.dataset.copyNote ? ` ${button.dataset.copyNote}` : ""}`);
  setTimeout(() => delete button.dataset.done, 1500);
}

export function start() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from], [data-save-from]");
    if (!button) return;
    const { copy, copyFrom, saveFrom, saveAs } = button.dataset;
    if (saveFrom) save(document.querySelector(saveFrom).textContent, saveAs);
    else showCopied(button, await copyText(copy ?? document.querySelector(copyFrom).textContent));
  });
}
