// Runs before the first paint: marks that scripts work, and resolves the theme auto to the system's theme.
(() => {
  const root = document.documentElement;
  root.dataset.script = "yes";
  if (root.dataset.theme === "auto") {
    root.dataset.bsTheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
})();
