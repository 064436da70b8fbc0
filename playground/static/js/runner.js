// The method runner: folds the list of methods on narrow screens, and copies the link to the call.
import "./ajax_forms.js";

if (matchMedia("(max-width: 991.98px)").matches) document.querySelector("[data-fold]")?.removeAttribute("open");

document.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" });

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-address]");
  if (!button) return;
  const address = new URL(location.href);
  for (const name of ["run", "done"]) address.searchParams.delete(name);
  button.dataset.copy = address.href; // copy.js handles the same click afterwards
});
