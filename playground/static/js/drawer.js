// The request log at the bottom of a page; its height and whether it is open are kept in localStorage.
const KEY = "playground.drawer";

export function start() {
  const drawer = document.querySelector("[data-drawer]");
  const body = drawer?.querySelector(".drawer-body");
  if (!body) return;
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    kept = {};
  }
  drawer.open = kept.open === true;
  if (kept.height > 80) body.style.height = `${Math.min(kept.height, innerHeight * 0.7)}px`;
  const keep = () => {
    kept.open = drawer.open;
    if (drawer.open) kept.height = body.offsetHeight;
    localStorage.setItem(KEY, JSON.stringify(kept));
  };
  drawer.addEventListener("toggle", keep);
  body.addEventListener("pointerup", keep);
}
