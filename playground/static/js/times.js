// Shows times in the user's time zone, with UTC in the tooltip, and updates running durations and countdowns.
const long = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const short = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.textContent = ("short" in time.dataset ? short : long).format(at);
  }
}

export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${two(minutes)} min`;
  if (minutes) return `${minutes} min ${two(whole % 60)} s`;
  return `${whole} s`;
}

const began = performance.now();

function tick() {
  const passed = (performance.now() - began) / 1000;
  for (const part of document.querySelectorAll("[data-ticking]")) {
    // Counted from when the element was added to the page, possibly by a later refresh.
    part._from ??= passed;
    part.textContent = span(Number(part.dataset.ticking) + passed - part._from);
  }
  for (const part of document.querySelectorAll("[data-countdown]")) {
    part._from ??= passed;
    const left = Number(part.dataset.countdown) - (passed - part._from);
    if ("countdownPlain" in part.dataset) {
      part.textContent = `${Math.max(0, Math.ceil(left))} s`;
      continue;
    }
    if ("countdownSpan" in part.dataset) {
      part.textContent = left > 0 ? `in ${span(left)}` : "passed";
      continue;
    }
    if (left > 0) part.textContent = `Wait ${Math.ceil(left)} s.`;
    else if (part.textContent !== "Ready to retry.") part.textContent = "Ready to retry.";
    const again = part.parentElement.querySelector("[data-after-countdown]");
    again?.classList.toggle("disabled", left > 0);
    if (left > 0) again?.setAttribute("aria-disabled", "true");
    else again?.removeAttribute("aria-disabled");
  }
}

export function start() {
  localise(document);
  tick();
  setInterval(tick, 1000);
}
