// Dialogs: the native element traps the focus, closes on Esc and returns the focus.
// A form is sent once: its buttons are disabled until the response arrives.
export function start() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open-dialog]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.openDialog);
      if (!dialog) return;
      event.preventDefault();
      if (!dialog.open) dialog.showModal();
      return;
    }
    const closer = event.target.closest("[data-close-dialog]");
    if (closer) {
      event.preventDefault();
      closer.closest("dialog").close();
    }
  });
  // The server renders the dialog named in the URL as open; the script makes it modal.
  for (const dialog of document.querySelectorAll("dialog[open]")) {
    dialog.close();
    dialog.showModal();
  }
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-once]")) return;
    for (const button of event.target.querySelectorAll('button[type="submit"], button:not([type])')) {
      setTimeout(() => { button.disabled = true; }, 0);
    }
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const button of document.querySelectorAll("[data-once] button:disabled")) button.disabled = false;
  });
}
