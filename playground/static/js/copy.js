// Copy and save buttons; what happened is said in the button and in the live region.
import { announce } from "./announce.js";

async function put(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not a secure context, or refused
  }
}

function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function mark(button, done) {
  button.dataset.done = "";
  announce(done ? "Copied." : "Copying was refused by the browser; select the text instead.");
  setTimeout(() => delete button.dataset.done, 1500);
}

export { mark, put, save };

export function start() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from], [data-save-from]");
    if (!button) return;
    const { copy, copyFrom, saveFrom, saveAs } = button.dataset;
    if (saveFrom) save(document.querySelector(saveFrom).textContent, saveAs);
    else mark(button, await put(copy ?? document.querySelector(copyFrom).textContent));
  });
}
