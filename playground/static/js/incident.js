// Copies the incident report. It is fetched again first, because the text in the page is as old as the page.
import { copyText, showCopied } from "./copy.js";
import { clearFailures, showFailure } from "./failure_notice.js";
import { loadText } from "./request.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-incident]");
  if (!button) return;
  const box = document.getElementById("incident-text");
  clearFailures();
  let failure = null;
  try {
    box.textContent = await loadText(button.dataset.incident);
  } catch (problem) {
    failure = problem;
  }
  const done = await copyText(box.textContent);
  if (done || !failure) showCopied(button, done);
  if (failure) showFailure(button, failure, { read: done ? "The report that was copied is as old as this page." : "Nothing was copied." });
});
