// The incident report is made anew when it is copied: what the page holds is as old as the page.
import { mark, put } from "./copy.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-incident]");
  if (!button) return;
  const box = document.getElementById("incident-text");
  try {
    const answer = await fetch(button.dataset.incident);
    if (answer.ok) box.textContent = await answer.text();
  } catch {
    // The older one is better than none.
  }
  mark(button, await put(box.textContent));
});
