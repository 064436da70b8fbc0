// Announces a change in the polite live region of the page.
export function announce(text) {
  const region = document.getElementById("live-region");
  if (region && region.textContent !== text) region.textContent = text;
}
