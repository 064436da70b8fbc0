// The one polite live region: changes are told, not every tick.
export function announce(text) {
  const region = document.getElementById("live-region");
  if (region && region.textContent !== text) region.textContent = text;
}
