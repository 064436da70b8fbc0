// Environment variables as text, one NAME=value per line; as in playground/pages/rent/variables.py.
// The variables of a text, as a map; null when a line cannot be read.
export function readVariables(text) {
  const lines = text.split(/\r\n|\r|\n/);
  const found = new Map();
  while (lines.length) {
    const line = lines.shift();
    if (!line.trim()) continue;
    const opening = /^([^=]*?)<<(.*)$/s.exec(line);
    let [name, value] = ["", ""];
    if (opening) {
      const stop = lines.indexOf(opening[2].trim());
      if (!opening[2].trim() || stop < 0) return null;
      [name, value] = [opening[1].trim(), lines.splice(0, stop + 1).slice(0, -1).join("\n")];
    } else if (line.includes("=")) {
      [name, value] = [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1)];
    }
    if (!name || found.has(name)) return null;
    found.set(name, value);
  }
  return found;
}

function entry([name, value]) {
  const lines = value.split(/\r\n|\r|\n/);
  if (lines.length === 1) return `${name.trim()}=${value}`;
  let end = "END";
  for (let count = 2; lines.includes(end); count += 1) end = `END${count}`;
  return [`${name.trim()}<<${end}`, ...lines, end].join("\n");
}

const writable = ([name]) => name.trim() && !/=|<<|[\r\n]/.test(name);
export const variablesText = (pairs) => [...pairs].filter(writable).map(entry).join("\n");
// The text, and the variables on further lines.
export const appended = (text, pairs) => [text.replace(/[\r\n]+$/, ""), variablesText(pairs)].filter(Boolean).join("\n");

// The text with the variables of another application: `old` and `fresh` are pairs of names and values.
export function filledVariables(text, old, fresh) {
  const typed = readVariables(text);
  if (!typed) return appended(text, fresh);
  const before = new Map(old);
  const own = [...typed].filter(([name, value]) => before.get(name) !== value);
  const names = new Set(own.map(([name]) => name));
  const added = fresh.filter(([name]) => !names.has(name));
  return own.length === typed.size && !added.length ? text : variablesText([...own, ...added]);
}
