// What an attacker would have left in the page: run in it by test_hostile.py. All but the text is empty when it is well.
() => {
  const [all, links] = [[...document.querySelectorAll("*")], [...document.links]];
  const foreign = links.filter((link) => link.closest("main") && link.origin !== location.origin);
  return {
    pwned: "pwned" in window ? String(window.pwned) : "",
    handlers: all.filter((e) => [...e.attributes].some(({ name }) => /^on|^style$/.test(name))).map((e) => e.outerHTML.slice(0, 200)),
    schemes: links.filter((link) => !["http:", "https:", "data:"].includes(link.protocol)).map((link) => link.href),
    unguarded: foreign.filter(({ rel }) => !/noopener/.test(rel) || !/noreferrer/.test(rel)).map((link) => link.href),
    images: [...document.images].map(({ src }) => src).filter((src) => !src.startsWith(location.origin)),
    text: document.documentElement.outerHTML,
  };
}
