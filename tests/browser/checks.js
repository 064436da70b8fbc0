// What axe does not look at, as lists of lines: read by accessibility.py and run in the page.
() => {
  const shown = (e) => e.checkVisibility({ visibilityProperty: true });
  const html = (e) => e.outerHTML.slice(0, 160).replace(/\s+/g, " ");

  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(shown).map((e) => Number(e.tagName[1]));

  // Boxes that hide a part of their text without saying so by an ellipsis.
  const cutOff = [...document.querySelectorAll("body *")].filter((e) => {
    const style = getComputedStyle(e);
    if (!["hidden", "clip"].includes(style.overflowX) || style.textOverflow === "ellipsis") return false;
    return e.clientWidth > 1 && shown(e) && !e.closest("svg") && e.scrollWidth > e.clientWidth + 1;
  });

  // What sticks out of its panel, and is not in a separate box that scrolls.
  const spilled = [...document.querySelectorAll(".panel *")].filter((e) => {
    const panel = e.closest(".panel");
    if (!shown(e) || e.closest("dialog, svg") || e.getBoundingClientRect().right <= panel.getBoundingClientRect().right + 1) return false;
    for (let box = e.parentElement; box !== panel; box = box.parentElement) {
      if (getComputedStyle(box).overflowX !== "visible") return false;
    }
    return e.closest(".visually-hidden") === null;
  });

  // Words that reach beyond their own box, and so into the next.
  const hasText = (e) => [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  const overlapping = [...document.querySelectorAll("main *")].filter((e) => e.clientWidth > 1 && hasText(e) && shown(e)
    && getComputedStyle(e).overflowX === "visible" && e.scrollWidth > e.clientWidth + 1 && !e.closest("svg, .visually-hidden"));

  // WCAG 2.2's 2.5.8: a target has 24 px, or nothing else within 12 px of its middle. axe's own rule takes what
  // lies under a sticky bar for too small. Links inside a sentence and dots of a picture are exempt.
  const floats = (e) => e && (["fixed", "sticky"].includes(getComputedStyle(e).position) || floats(e.parentElement));
  const scrolledAway = (e, x, y) => {
    for (let box = e.parentElement; box && box !== document.body; box = box.parentElement) {
      if (getComputedStyle(box).overflowY === "visible") continue;
      const seen = box.getBoundingClientRect();
      if (x < seen.left || x > seen.right || y < seen.top || y > seen.bottom) return true;
    }
    return false;
  };
  const inSentence = (e) => getComputedStyle(e).display === "inline"
    && [...e.parentElement.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  const targets = [...document.querySelectorAll("a[href], button, summary, select, input:not([type=hidden]), textarea")]
    .filter((e) => shown(e) && !e.closest(".visually-hidden, .skip-link, svg") && !floats(e))
    .map((e) => {
      const box = e.getBoundingClientRect();
      return { e, box, x: box.left + box.width / 2, y: box.top + box.height / 2 };
    })
    .filter(({ e, box, x, y }) => box.width && !scrolledAway(e, x, y));
  const near = ({ x, y }, { box }) =>
    Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom)) < 12;
  const tooSmall = targets.filter((one) => {
    if (Math.min(one.box.width, one.box.height) >= 23.5 || inSentence(one.e) || one.e.labels?.length) return false;
    return targets.some((other) => !one.e.contains(other.e) && !other.e.contains(one.e) && near(one, other));
  });

  // A box that scrolls by a few pixels only because of rounding or a border.
  const boxes = [...document.querySelectorAll(".table-scroll, .scroll-x")].filter(shown);
  const slightScroll = boxes.filter((e) => {
    const [down, aside] = [e.scrollHeight - e.clientHeight, e.scrollWidth - e.clientWidth];
    return (down > 0 && down < 20) || (aside > 0 && aside < 8);
  });

  // Badges of which a part is hidden, or whose text is broken into lines although there is room for it.
  const linesOf = (e) => {
    const words = [...e.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    const tops = words.flatMap((node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return [...range.getClientRects()].filter((box) => box.width > 1).map((box) => box.top);
    });
    return tops.sort((a, b) => a - b).filter((at, number) => number === 0 || at - tops[number - 1] > 4).length;
  };
  const badges = [...document.querySelectorAll(".badge-state, .chip, .source")].filter((e) => shown(e) && e.textContent.trim().length < 25);
  const brokenBadges = badges.filter((e) => e.scrollWidth > e.clientWidth + 1 || linesOf(e) > 1);

  // Buttons in the last column of a table that are scrolled out of sight.
  const hiddenActions = innerWidth < 768 ? [] : [...document.querySelectorAll("table.has-actions")].filter(shown).filter((table) => {
    const [box, cell] = [table.closest(".table-scroll"), table.querySelector("tbody td:last-child")];
    return cell && cell.getBoundingClientRect().right > box.getBoundingClientRect().right + 1;
  });

  return { slightScroll: slightScroll.map(html), brokenBadges: brokenBadges.map(html), hiddenActions: hiddenActions.map(html), headings, cutOff: cutOff.map(html), overlapping: overlapping.map(html), spilled: spilled.slice(0, 4).map(html), tooSmall: tooSmall.map(({ e }) => html(e)) };
}
