// The page that waits for the outcome of a form: asks again, less and less often, and follows the redirect to the
// outcome.
import { backgroundFetch } from "./background.js";
import { morph } from "./morph.js";

const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 10000;

function follow(pause) {
  setTimeout(async () => {
    const next = Math.min(MAX_PAUSE_MS, pause * 1.3);
    if (document.hidden) return follow(pause);
    try {
      const answer = await backgroundFetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) return location.replace(answer.url);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("outcome-pending");
      if (fresh) morph(document.getElementById("outcome-pending"), fresh);
    } catch {
      return follow(Math.min(MAX_PAUSE_MS, pause * 2));
    }
    return follow(next);
  }, pause);
}

follow(FIRST_PAUSE_MS);
