import { clearFailures, showFailure } from "./failure_notice.js";
import { refusal, send } from "./request.js";

// Switches the theme without reloading the page; the server stores the choice.
const system = matchMedia("(prefers-color-scheme: dark)");

function show(theme) {
  const root = document.documentElement;
  root.dataset.theme = theme;
  root.dataset.bsTheme = theme === "auto" ? (system.matches ? "dark" : "light") : theme;
  for (const button of document.querySelectorAll("[data-theme-switch] button")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
}

async function save(form, body) {
  clearFailures();
  try {
    const answer = await send(form.action, { method: "POST", body, redirect: "manual" });
    if (answer.type !== "opaqueredirect") throw await refusal(answer);
  } catch (problem) {
    showFailure(form, problem, { read: "The theme was not saved." });
  }
}

export function start() {
  system.addEventListener("change", () => {
    if (document.documentElement.dataset.theme === "auto") show("auto");
  });
  const form = document.querySelector("[data-theme-switch]");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = new FormData(form);
    body.set("theme", event.submitter.value);
    show(event.submitter.value);
    save(form, body);
  });
}
