// The notice for a request that failed, at the button that was pressed. It is announced once, as an alert, and removed
// at the next press. The text of the notice is that of the template in layout/request_failure.html.
const BLOCKS = ".form-actions, .dialog-actions, .as-switch, .switch-row, .scenario-list, .panel-head, .page-head, .sdk-call, .transfer";

export function clearFailures() {
  document.querySelectorAll("[data-request-failure]").forEach((old) => old.remove());
}

// Where to log in; without a script, the page itself leads there.
export function loginLink() {
  const link = document.createElement("a");
  [link.href, link.textContent] = [location.href, "Log in"];
  return link;
}

function place(anchor, notice) {
  const bar = anchor.closest(".topbar");
  const block = anchor.closest(BLOCKS);
  if (bar) bar.append(notice);
  else if (block) block.after(notice);
  else if (anchor.form) anchor.form.append(notice);
  else anchor.after(notice);
}

// A notice at the button, with nodes or strings. check: whether to name the pages that show what was carried out.
export function showNotice(anchor, content, { check = false } = {}) {
  clearFailures();
  const notice = document.getElementById("request-failure").content.firstElementChild.cloneNode(true);
  notice.querySelector("[data-failure-text]").append(...content);
  if (!check) notice.querySelector("[data-failure-check]").remove();
  place(anchor, notice);
  notice.scrollIntoView({ block: "nearest" });
}

// change: whether the request may have changed something; otherwise `read` is what could not be loaded.
export function showFailure(anchor, failure, { change = false, read = "The result could not be loaded." } = {}) {
  const content = [failure.message];
  if (!change) content.push(` ${read}`);
  else if (failure.nothingDone && !/nothing was/i.test(failure.message)) content.push(" Nothing was done.");
  if (failure.loggedOut) content.push(" ", loginLink());
  else if (!change) content.push(" Try again.");
  showNotice(anchor, content, { check: change && !failure.nothingDone });
}
