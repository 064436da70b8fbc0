"""Q2: a rental refused inside an HTTP 200."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client

from .conftest import API

MACHINE: dict[str, Any] = {"node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04"}


@pytest.mark.parametrize(
    "item",
    [
        {"status": 2, "reason": "not enough free disk", "node_id": 9101},
        {"reason": "busy"},
        {"status": 3},
        {"status": "3"},
        {"uuid": "", "reason": "busy"},
        {"uuid": None, "status": 1},
    ],
)
def test_q2_refused(item: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker) -> None:
    accepted = {"uuid": "5dd2d308"}
    requests_mock.post(f"{API}/services/mr", json=[accepted, item], headers={"X-Request-Id": "r-1"})
    with pytest.raises(octaspace.ProvisionRejectedError) as caught:
        client.services.mr.create(**MACHINE)
    error = caught.value
    assert error.rejections == [item]
    assert error.response is not None
    assert error.response.data == [accepted, item]
    assert (error.status, error.request_id) == (200, "r-1")
    assert "POST /services/mr: 200" in str(error)
    assert "r-1" in str(error)
    assert pickle.loads(pickle.dumps(error)).rejections == [item]


@pytest.mark.parametrize(
    "data",
    [
        [{"uuid": "u"}],
        {"uuid": "u"},
        [{"uuid": "u", "status": 5, "reason": "kept"}],
        [{"status": 0}],
        [{"status": "0"}],
        [{"status": "no number"}],
        [{"status": "9" * 5000}],
        [],
        ["odd"],
        None,
        "text",
    ],
)
def test_q2_everything_else_is_returned_as_it_is(
    data: Any, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(f"{API}/services/mr", json=data)
    assert client.services.mr.create(**MACHINE).data == data
