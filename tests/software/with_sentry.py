"""Sentry's SDK: its events say which requests there were, and hold no key."""

# /// script
# dependencies = ["sentry-sdk"]
# ///

from __future__ import annotations

from tests.support.fault_server import answer

from .conftest import Secure
from .programs import run

KEY = "sk-live-0123456789abcdef"
PROGRAM = """
import json, logging, sys, sentry_sdk, sentry_sdk.transport

class Kept(sentry_sdk.transport.Transport):
    envelopes = []
    def capture_envelope(self, envelope):
        self.envelopes.append(envelope)

sentry_sdk.init(
    dsn="http://public@127.0.0.1:9/1", transport=Kept, traces_sample_rate=1.0, send_default_pii=True,
    include_local_variables=True, max_request_body_size="always",
)
import octaspace
logging.getLogger("octaspace").setLevel(logging.DEBUG)
key, options = sys.argv[2], json.loads(sys.argv[3])
client = octaspace.Client(key, base_url=sys.argv[1], retry_interval=0, keep_alive=True, **options)
del key
sys.argv[2] = ""
def look():
    ours = client  # Sentry shows the variables of each frame
    with sentry_sdk.start_transaction(name="the whole"):
        ours.nodes.list()
        try:
            ours.nodes.find(9)
        except octaspace.NotFoundError as error:
            sentry_sdk.capture_exception(error)
        refusing = octaspace.Client(ours.config.api_key, base_url="http://127.0.0.1:9", max_retries=0)
        try:
            refusing.accounts.balance()
        except octaspace.ConnectionError as error:
            sentry_sdk.capture_exception(error)
look()
sentry_sdk.flush()
items = [item.payload.json for envelope in Kept.envelopes for item in envelope.items]
print(json.dumps(items, default=str))
"""


def test_events(way: Secure) -> None:
    server = way.server(answer([{"id": 7}]), answer({"error": "Node not found"}, status=404))
    items = run(PROGRAM, arguments=(server.url, KEY, way.options_json))
    assert KEY not in repr(items)
    event, refused = [item for item in items if item.get("exception")]
    assert event["exception"]["values"][-1]["type"] == "NotFoundError"
    assert refused["exception"]["values"][-1]["type"] == "ConnectionError"
    asked = [crumb["data"] for crumb in event["breadcrumbs"]["values"] if crumb["category"] == "httplib"]
    assert [(data["http.method"], data["url"], data["http.response.status_code"]) for data in asked] == [
        ("GET", f"{server.url}/nodes", 200), ("GET", f"{server.url}/nodes/9", 404)
    ]  # fmt: skip
    [transaction] = [item for item in items if item.get("type") == "transaction"]
    spans = [span["description"] for span in transaction["spans"]]
    assert spans[:2] == [f"GET {server.url}/nodes", f"GET {server.url}/nodes/9"]
    # Each span is propagated to the server, so that its spans become children.
    assert all("sentry-trace" in arrival.headers for arrival in server.journal)
