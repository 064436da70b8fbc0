// The page that waits for the outcome of a form: asks again, less and less often, and follows the redirect to the
// outcome.
import { loginLink } from "./failure_notice.js";
import { morph } from "./morph.js";
import { inBackground, loadPage } from "./request.js";

const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 10000;

const failed = document.createElement("span");

function follow(pause) {
  setTimeout(async () => {
    if (document.hidden) return follow(pause);
    const waiting = document.getElementById("outcome-pending");
    try {
      const { answer, page } = await loadPage(location.href, "main", inBackground());
      if (answer.redirected) return location.replace(answer.url);
      const fresh = page.getElementById("outcome-pending");
      if (fresh) morph(waiting, fresh);
    } catch (problem) {
      failed.replaceChildren(` The last check failed. ${problem.message} `, ...(problem.loggedOut ? [loginLink()] : []));
      waiting.querySelector(".needs-script").append(failed);
      return follow(Math.min(MAX_PAUSE_MS, pause * 2));
    }
    return follow(Math.min(MAX_PAUSE_MS, pause * 1.3));
  }, pause);
}

follow(FIRST_PAUSE_MS);
