"""What the answer to a creation means: a session, a rejection (Q2, Q19), or neither."""

from __future__ import annotations

import pickle
from collections.abc import Callable
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


CREATIONS: list[Callable[[Client], octaspace.Response[Any]]] = [
    lambda c: c.services.mr.create(**MACHINE),
    lambda c: c.services.vpn.create(node_id=9301),
    lambda c: c.services.render.create(node_id=9121, disk_size=5),
]
PATHS = ["/services/mr", "/services/vpn", "/services/render"]
everywhere = pytest.mark.parametrize(("create", "path"), list(zip(CREATIONS, PATHS, strict=True)), ids=PATHS)


@everywhere
@pytest.mark.parametrize("status", [200, 201, 202, 299])
@pytest.mark.parametrize(
    "data", [[{"uuid": "u"}], {"uuid": "u"}, [{"uuid": "u", "status": 5, "reason": "kept", "message": "m"}]]
)
def test_q17_q18_any_2xx_that_names_a_session_is_a_success(
    create: Callable[[Client], octaspace.Response[Any]],
    path: str,
    data: Any,
    status: int,
    client: Client,
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(f"{API}{path}", json=data, status_code=status)
    response = create(client)
    assert (response.status, response.data) == (status, data)


@everywhere
@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"message": "INTERNAL_ERROR"}, "INTERNAL_ERROR"),
        ({"message": "INTERNAL_ERROR", "id": 0}, "another may work"),
        ({"error": "no balance"}, "no balance"),
        ({"error": {"message": "no balance"}}, "no balance"),
        ({"uuid": "", "message": ["one", "two"]}, "one, two"),
        ({"uuid": "  ", "reason": "busy"}, "busy"),
        ({"uuid": None, "status": "7"}, "status 7"),
        ({"status": 1, "detail": "the disk is full"}, "the disk is full"),
    ],
)
@pytest.mark.parametrize("as_list", [True, False], ids=["list", "object"])
def test_q19_an_item_that_says_why_is_a_rejection(
    create: Callable[[Client], octaspace.Response[Any]],
    path: str,
    item: dict[str, Any],
    words: str,
    as_list: bool,
    client: Client,
    requests_mock: requests_mock.Mocker,
) -> None:
    posted = requests_mock.post(f"{API}{path}", json=[item] if as_list else item, status_code=201)
    with pytest.raises(octaspace.ProvisionRejectedError) as caught:
        create(client)
    assert caught.value.rejections == [item]
    assert not caught.value.outcome_unknown
    assert f"POST {path}: 201" in str(caught.value)
    assert words in str(caught.value)
    assert posted.call_count == 1


@everywhere
@pytest.mark.parametrize(
    "answer",
    [
        *(
            {"json": data}
            for data in (
                [], [{}], {}, {"uuid": ""}, [{"uuid": None}], {"uuid": 7}, [{"uuid": ".."}], {"uuid": "a\nb"},
                [{"status": 0}], [{"status": "0"}], [{"status": "no number"}], [{"status": "9" * 5000}],
                [{"message": ""}], ["odd"],
                {"status": 200, "data": {"uuid": "u"}},
                {"message": "created", "session": {"uuid": "u"}},
                [None], "text", 7, None, {"detail": "neither"},
            )
        ),
        {"text": ""},
        {"status_code": 204},
        {"text": "<html>Maintenance</html>", "headers": {"Content-Type": "text/html"}},
        {"text": "[{", "headers": {"Content-Type": "application/json"}},
    ],
    ids=lambda answer: repr(answer)[:60],
)  # fmt: skip
def test_q19_an_answer_without_a_session_is_never_a_success(
    create: Callable[[Client], octaspace.Response[Any]],
    path: str,
    answer: dict[str, Any],
    client: Client,
    requests_mock: requests_mock.Mocker,
) -> None:
    posted = requests_mock.post(f"{API}{path}", **answer)
    with pytest.raises(octaspace.InvalidResponseError) as caught:
        create(client)
    assert caught.value.outcome_unknown
    assert str(caught.value).startswith(f"POST {path}: ")
    assert len(str(caught.value)) < 700
    assert posted.call_count == 1


@everywhere
@pytest.mark.parametrize(
    "data",
    [
        [{"message": "bad key sk-secret"}],
        {"odd": "sk-secret"},
        "key sk-secret",
        [{"note": "The Authorization header of this request was sk-secret, and that is not a key"}],
    ],
)
def test_a_key_that_the_answer_repeats_is_in_no_message(
    create: Callable[[Client], octaspace.Response[Any]],
    path: str,
    data: Any,
    client: Client,
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(f"{API}{path}", json=data, headers={"X-Request-Id": "of sk-secret"})
    with pytest.raises(octaspace.Error) as caught:
        create(client)
    assert "sk-" not in str(caught.value)
    assert "of ***" in str(caught.value)


def test_a_session_that_is_named_beside_a_rejection_is_told(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(f"{API}/services/mr", json=[{"uuid": "u-7"}, {"message": "busy"}])
    with pytest.raises(octaspace.ProvisionRejectedError, match=r"busy.* u-7"):
        client.services.mr.create(**MACHINE)


@pytest.mark.parametrize("gap", range(975, 996))
def test_a_key_at_the_end_of_an_excerpt_is_not_shown_in_part(
    gap: int, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    page = f"<html>{' ' * gap}sk-secret"
    requests_mock.post(f"{API}/services/mr", text=page, headers={"Content-Type": "text/html"})
    with pytest.raises(octaspace.InvalidResponseError) as caught:
        client.services.mr.create(**MACHINE)
    assert "sk-" not in str(caught.value)


def test_a_session_in_json_of_another_content_type_is_not_lost(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    requests_mock.post(f"{API}/services/mr", text='[{"uuid": "u"}]', headers=headers)
    assert client.services.mr.create(**MACHINE).data == [{"uuid": "u"}]
