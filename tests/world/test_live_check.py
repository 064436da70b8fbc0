"""`bin/live-check` at the real address: with a key and nothing else, as a person runs it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from playground.jobs.smoke_steps import plan
from tests.support.waiting import until

from .commands import KEY, python
from .conftest import Api

CHECK = ("-m", "playground.live_check")


def test_with_a_key_alone_every_read_is_made_at_the_live_api(api: Api, tmp_path: Path) -> None:
    served = len(api.space.served())
    done = python(tmp_path, *CHECK, "--idle-job", "69/42", OCTA_API_KEY=KEY)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert first.endswith(" reads from https://api.octa.space with the key ••••7Hq2")
    assert last.startswith(f"{len(plan(changes=False))} passed, 0 failed, 0 skipped in ")
    assert KEY not in done.stdout
    requests = re.findall(r"^ +GET \S+ · (\S+) · (\d+)", done.stdout, re.MULTILINE)
    assert {endpoint for endpoint, _ in requests} == {"https://api.octa.space"}

    arrived = api.sandbox.journal.entries()
    assert [entry for entry in arrived if entry.change] == []
    assert {entry.endpoint for entry in arrived} == {api.sandbox.ports[0]}
    assert len({entry.key for entry in arrived if entry.path != "/network"}) == 1
    assert {entry.key for entry in arrived if entry.path == "/network"} == {None}
    until(lambda: len(api.space.served()) == served + len(arrived))
    assert {request.host for request in api.space.served()[served:]} == {"api.octa.space"}


def test_a_key_that_is_refused_ends_in_an_error(api: Api, tmp_path: Path) -> None:
    done = python(tmp_path, *CHECK, OCTA_API_KEY="invalid")
    assert done.returncode == 1
    assert "AuthenticationError: GET /accounts/balance: 401" in done.stdout
    assert "passed   client.network.info()" in done.stdout


def test_several_endpoints_of_the_environment_fail_over(api: Api, tmp_path: Path) -> None:
    api.space.stop()
    both = "https://api.octa.space,https://api.octa.computer"
    done = python(tmp_path, *CHECK, "--json", OCTA_API_KEY=KEY, OCTA_BASE_URLS=both)
    report = json.loads(done.stdout)
    assert (done.returncode, report["failed"]) == (0, 0)
    requests = [request for call in report["calls"] for request in call["requests"]]
    assert {request["endpoint"] for request in requests} == {"https://api.octa.computer"}
    assert any(request["attempts"] == 2 for request in requests)
    assert {entry.endpoint for entry in api.sandbox.journal.entries()} == {api.sandbox.ports[1]}


def test_a_ca_bundle_may_be_given_as_an_option(api: Api, tmp_path: Path) -> None:
    bundle = os.environ["REQUESTS_CA_BUNDLE"]
    trusted = python(tmp_path, *CHECK, OCTA_API_KEY=KEY, REQUESTS_CA_BUNDLE="", OCTA_SSL_VERIFY=bundle)
    assert trusted.returncode == 0
    api.sandbox.journal.clear()
    refused = python(tmp_path, *CHECK, OCTA_API_KEY=KEY, REQUESTS_CA_BUNDLE="", OCTA_MAX_RETRIES="0")
    assert refused.returncode == 1
    assert "certificate verify failed" in refused.stdout
    assert api.sandbox.journal.entries() == []
