// Makes `old` equal to `fresh` and keeps the nodes that are the same. Rows are the same if their [data-key] is. A notice
// about a failed request stays: the server does not know of it.
const isNotice = (node) => node.dataset?.requestFailure !== undefined;

export function morph(old, fresh) {
  if (old.matches?.("details.raw[open], dialog[open]")) return undefined; // the user is reading it, or has sent its form
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return undefined;
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  delete old._from;
  delete old._text;
  if (fresh.querySelector(":scope > [data-key]")) return morphRows(old, fresh);
  const [before, after] = [[...old.childNodes].filter((node) => !isNotice(node)), [...fresh.childNodes]];
  after.forEach((node, at) => (before[at] ? morph(before[at], node) : old.append(node)));
  before.slice(after.length).forEach((node) => node.remove());
  return undefined;
}

function morphRows(old, fresh) {
  const kept = new Map();
  const wanted = new Set([...fresh.children].map((row) => row.dataset.key));
  for (const node of [...old.childNodes]) {
    const key = node.dataset?.key;
    if (key !== undefined && wanted.has(key) && !kept.has(key)) kept.set(key, node);
    else if (!isNotice(node)) node.remove();
  }
  let next = old.firstChild;
  for (const row of [...fresh.children]) {
    const same = kept.get(row.dataset.key);
    kept.delete(row.dataset.key);
    if (same && same === next) next = next.nextSibling;
    else old.insertBefore(same ?? row, next);
    if (same) morph(same, row);
  }
}
