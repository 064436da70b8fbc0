// Runs before the first paint: says that scripts work, and follows the system when the theme is auto.
(() => {
  const root = document.documentElement;
  root.dataset.script = "yes";
  if (root.dataset.theme === "auto") {
    root.dataset.bsTheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
})();
