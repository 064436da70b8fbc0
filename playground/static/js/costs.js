// Counts the cost of a running session on: [data-cost] in Wei, [data-cost-per-hour] in OCTA. An estimate, until
// the next answer of the API says the exact charge. With [data-cost-price], US dollars per OCTA, it is in dollars.
const WEI = 1e18;

function amount(value, digits) {
  const [whole, rest] = value.toFixed(digits).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return rest ? `${grouped}.${rest}` : grouped;
}

function tick() {
  const now = performance.now();
  for (const part of document.querySelectorAll("[data-cost]")) {
    part._from ??= now;
    const { cost, costPerHour, costPrice, costDigits } = part.dataset;
    const octa = Number(cost) / WEI + Number(costPerHour) * ((now - part._from) / 3_600_000);
    const text = costPrice ? `$${amount(octa * Number(costPrice), Number(costDigits))}` : `${amount(octa, Number(costDigits))} OCTA`;
    if (Number.isFinite(octa) && part.textContent !== text) part.textContent = text;
  }
}

export function start() {
  tick();
  setInterval(tick, 1000);
}
