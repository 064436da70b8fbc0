// The sidebar as a drawer on narrow screens: it takes the focus, Esc and the backdrop close it, the focus returns.
export function start() {
  const root = document.documentElement;
  const sidebar = document.getElementById("sidebar");
  const opener = document.querySelector('[data-sidebar="open"]');
  if (!sidebar || !opener) return;

  const setOpen = (open) => {
    root.dataset.sidebar = open ? "open" : "closed";
    opener.setAttribute("aria-expanded", String(open));
    for (const behind of document.querySelectorAll(".skip-link, .frame-body")) behind.inert = open;
    if (open) sidebar.querySelector("a, button").focus();
    else opener.focus();
  };
  opener.addEventListener("click", () => setOpen(true));
  for (const closer of document.querySelectorAll('[data-sidebar="close"]')) {
    closer.addEventListener("click", () => setOpen(false));
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && root.dataset.sidebar === "open") setOpen(false);
  });
  matchMedia("(min-width: 992px)").addEventListener("change", () => {
    if (root.dataset.sidebar === "open") setOpen(false);
  });
}
