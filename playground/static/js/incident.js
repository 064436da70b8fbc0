// Copies the incident report. It is fetched again first, because the text in the page is as old as the page.
import { copyText, showCopied } from "./copy.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-incident]");
  if (!button) return;
  const box = document.getElementById("incident-text");
  try {
    const answer = await fetch(button.dataset.incident);
    if (answer.ok) box.textContent = await answer.text();
  } catch {
    // Copy the older report instead.
  }
  showCopied(button, await copyText(box.textContent));
});
