// Requests of the scripts. A request that fails raises a RequestFailure whose text says what happened, for the page.
// The header marks a request of a script: without a login, the answer is 401 instead of a redirect to the login.
const SCRIPT = { "X-Requested-With": "fetch" };
const LIMIT_S = 130; // longer than the slowest page
const MAX_TEXT = 400;

export class RequestFailure extends Error {
  // nothingDone: the playground has refused the request; otherwise a change may have been carried out.
  constructor(text, { nothingDone = false, loggedOut = false } = {}) {
    super(text);
    Object.assign(this, { nothingDone, loggedOut });
  }
}

function connectionFailure() {
  const why = navigator.onLine ? "it failed, or was lost before the answer arrived" : "this browser is offline";
  return new RequestFailure(`No connection to the playground: ${why}.`);
}

const parse = (text) => new DOMParser().parseFromString(text, "text/html");

// What a refusal or an error page says.
function failureOf(answer, text) {
  const nothingDone = answer.status < 500 && !answer.redirected;
  if (answer.status === 401) return new RequestFailure("You are logged out.", { nothingDone, loggedOut: true });
  const plain = answer.headers.get("Content-Type")?.startsWith("text/plain");
  const page = plain ? null : parse(text);
  const said = plain ? text.trim() : page.querySelector("[data-failure]")?.textContent.trim();
  const refused = nothingDone || (!answer.redirected && Boolean(page?.querySelector("[data-nothing-done]")));
  return new RequestFailure(`HTTP ${answer.status}. ${said ? said.slice(0, MAX_TEXT) : "The answer is not from the playground."}`, { nothingDone: refused });
}

// The answer, of any status except 401; its body can be read once.
export async function send(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, { ...options, headers: { ...SCRIPT, ...options.headers } });
  } catch (problem) {
    throw problem.name === "AbortError" ? problem : connectionFailure();
  }
  if (answer.status === 401) throw failureOf(answer, "");
  return answer;
}

// The answer, of any status except 401, and its text; within the time limit.
async function load(address, options) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), LIMIT_S * 1000);
  try {
    const answer = await send(address, { ...options, signal: stop.signal });
    return { answer, text: await answer.text() };
  } catch (problem) {
    if (problem instanceof RequestFailure) throw problem;
    throw stop.signal.aborted ? new RequestFailure(`No answer arrived within ${LIMIT_S} s.`) : connectionFailure();
  } finally {
    clearTimeout(timer);
  }
}

// A refused request, for an answer that was not read with the functions below.
export async function refusal(answer) {
  return failureOf(answer, await answer.text().catch(() => ""));
}

export async function loadText(address, options) {
  const { answer, text } = await load(address, options);
  if (!answer.ok) throw failureOf(answer, text);
  return text;
}

export async function loadJson(address, options) {
  const text = await loadText(address, { ...options, headers: { ...options?.headers, Accept: "application/json" } });
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestFailure("The answer is not from the playground.");
  }
}

// A page with the element `id`, as a document; also one with the status 422, which names the wrong fields.
export async function loadPage(address, id, options) {
  const { answer, text } = await load(address, { ...options, headers: { ...options?.headers, Accept: "text/html" } });
  if (!answer.ok && answer.status !== 422) throw failureOf(answer, text);
  const page = parse(text);
  if (page.getElementById(id)) return { answer, page };
  if (!answer.ok) throw failureOf(answer, text);
  throw new RequestFailure("The answer is not the expected page of the playground.");
}

// Requests that the script sends by itself: refreshes and polls. The header marks their calls in the request log.
export const inBackground = (options = {}) => ({ ...options, headers: { ...options.headers, "X-Background": "1" } });
