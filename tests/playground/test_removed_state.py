"""The state folder is deleted under a running playground, and a worker is replaced."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

import pytest
import requests

from ..support.running_playground import RunningPlayground
from ..support.waiting import until
from .remote import Remote

pytestmark = pytest.mark.gunicorn

FORM = {"node_id": "9101", "disk_size": "20", "image": "ubuntu:24.04", "step": "review"}


def test_a_form_acts_once_although_a_new_worker_finds_no_state(tmp_path: Path) -> None:
    with RunningPlayground(tmp_path, workers=2) as running:
        browser = Remote(running.url)
        question = browser.post("/playground/services/mr/rent", **FORM)
        fields = {"csrf_token": browser.token(), "once": "unused"}
        wallet = {**fields, "once": "wallet-of-a-form"}
        browser.send(question, **fields)
        browser.send("/playground/account/wallet", **wallet)

        shutil.rmtree(running.state_dir)
        first, _ = running.worker_pids()
        os.kill(first, signal.SIGKILL)
        until(lambda: len(set(running.worker_pids()) - {first}) == 2)

        said = set()

        def both_have_refused() -> bool:
            for path, data in ((question, fields), ("/playground/account/wallet", wallet)):
                answer = press(browser, running.url + path, data)
                assert answer.status_code == 503, answer.text
                assert "restart the playground" in answer.text
                assert "Nothing was sent" in answer.text
                said.update(re.findall(r'<(\d+)> "POST [^"]*" 503', running.log()))
            return said >= set(map(str, running.worker_pids()))

        until(both_have_refused, within=60)
        page = browser.page("/playground/network")
        assert "restart the playground" in page.get_text()
        sent = [entry.path for entry in running.sandbox.journal.entries() if entry.method == "POST"]
        assert sorted(sent) == ["/accounts", "/services/mr"]
        assert not running.state_dir.exists(), "an empty store would be another one"
        assert "Traceback" not in running.log()


def press(browser: Remote, url: str, data: dict[str, str]) -> requests.Response:
    return browser._session.post(url, data=data, timeout=30, allow_redirects=False)
