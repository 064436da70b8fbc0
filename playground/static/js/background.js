// Requests that the script sends by itself: refreshes and polls. The header marks their calls in the request log.
export function backgroundFetch(address, options = {}) {
  return fetch(address, { ...options, headers: { ...options.headers, "X-Background": "1" } });
}
