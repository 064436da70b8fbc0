"""`octaspace.key_mask`: what is masked, what is unchanged, and in what time."""

from __future__ import annotations

import json
import string
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import octaspace
from octaspace import Response
from octaspace.key_mask import MASK, KeyMask

from ..support.hostile_api import SPELLINGS
from ..support.key_finder import key_in

KEYS = (
    "sk-Live/Qz7+x9-Rk2.Lm4_Vb8/Tn6-Wd3",
    "0123456789abcdef" * 4,
    'a-"key"-with-"quotes"',
    "schlüssel-mit-ümlaut",
    "exactly-12-c",
    "eight-ch",
)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", SPELLINGS)
def test_only_the_key_is_masked_in_every_encoding(key: str, name: str) -> None:
    spelled = SPELLINGS[name](key)
    if len(key) < 12 and "half" in name:
        pytest.skip("it is the whole key")
    masked = KeyMask(key).text(f"before {spelled} after")
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert MASK in masked
    assert len(masked) < len("before  after") + 16
    assert key_in(masked, key) == ""


@pytest.mark.parametrize("key", ["a-key%41of-escapes&amp;", "back\\slashes\\in-it", "50%-of-the-key"])
def test_a_key_that_looks_escaped_itself(key: str) -> None:
    for spelled in (key, json.dumps(key)[1:-1], quote(key, safe="")):
        assert KeyMask(key).text(f"({spelled})") == f"({MASK})"


@pytest.mark.parametrize(
    "template",
    ["\\U{:08x}", "\\u{{{:x}}}", "\\{:03o}", "%u{:04x}", "&#{:09d};", "&#x{:010x};", "&amp;#0{:d};"],
)
def test_long_escapes_of_a_character(template: str) -> None:
    spelled = "".join(template.format(ord(character)) for character in KEYS[0])
    assert KeyMask(KEYS[0]).text(f"({spelled})") == f"({MASK})"


@pytest.mark.parametrize(
    "between",
    ["\x1b[0m", "\x1b[38;5;9m", "\x9b1m", "\x1b]0;t\x07", "\0", "\x7f", "\u200b", "\ufeff", "\\u001b[1m"],
)
def test_a_key_with_invisible_characters(between: str) -> None:
    """Log pages remove control characters, after which a divided key is whole again."""
    spelled = between.join(KEYS[0])
    assert KeyMask(KEYS[0]).text(f"({spelled})") == f"({MASK})"


@pytest.mark.parametrize("before", ["%", "&#12", "\\", "\\u00", "&", "\x1b[", "\x9b", "%25"])
@pytest.mark.parametrize("key", ["deadbeef", "0123456789ab", "notebook1234", "u0041bcdefgh", "12345678"])
def test_a_short_key_after_the_start_of_an_escape(before: str, key: str) -> None:
    masked = KeyMask(key).text(f"100{before}{key}")
    assert key not in masked
    assert MASK in masked


@pytest.mark.parametrize("key", ["12345678", "123456789012345678", "sk-abc-123456789012"])
def test_a_key_of_digits_comes_back_as_a_number(key: str) -> None:
    number = int(key.rpartition("-")[2])
    data = {"a": [number, -number, 7], "b": True, "c": 1.5, "d": number * 10**9 + 1}
    body = json.dumps(data).encode()
    masked = KeyMask(key).response(answer(data, body))
    assert str(number) not in repr(masked.data)
    assert masked.data["a"][2] == 7
    assert (masked.data["b"], masked.data["c"]) == (True, 1.5)


def test_several_keys_in_a_text() -> None:
    key = KEYS[0]
    mask = KeyMask(key)
    assert mask.text(f"{key}{key} {key[:20]}, {key[-13:]}.") == f"{MASK}{MASK} {MASK}, {MASK}."
    assert mask.text(f"%20{key}%20&amp;{key}&lt;") == f"%20{MASK}%20&amp;{MASK}&lt;"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing of it",
        "C:\\temp\\new",
        "a=1&b=%20&copy=2",
        "50 % & more",
        "\\",
        "İstanbul",
        KEYS[0][1:12],
    ],
)
def test_other_text_is_left_as_it_is(text: str) -> None:
    for mask in (KeyMask(KEYS[0]), KeyMask(None), KeyMask("")):
        assert mask.text(text) is text


def test_a_short_key_is_masked_where_it_stands_alone() -> None:
    mask = KeyMask("test")
    assert mask.text("test, latest tests (test)") == f"{MASK}, latest tests ({MASK})"


def test_a_letter_whose_lower_case_is_longer() -> None:
    assert KeyMask(KEYS[0]).text(f"İ{KEYS[0]}İ") == f"İ{MASK}İ"


def test_data_is_copied_only_when_something_changes_it() -> None:
    key = KEYS[1]
    data: Any = {key: [key.encode(), {"a": (f"x{key}", 1, None, 1.5, True)}]}
    assert KeyMask(key).data(data) == {MASK: [MASK.encode(), {"a": (f"x{MASK}", 1, None, 1.5, True)}]}
    assert data[key][0] == key.encode()


def answer(data: Any, body: bytes, **headers: str) -> Response[Any]:
    return Response(
        status=200, headers=headers, data=data, body=body, url="http://api.invalid/x", elapsed=1.0
    )


def test_an_answer_without_the_key_is_the_same_object() -> None:
    body = json.dumps({"a": "ü \\ % &amp;"}).encode()
    response = answer(json.loads(body), body, Server="x")
    assert KeyMask(KEYS[0]).response(response) is response
    assert KeyMask(None).response(response) is response


def test_an_answer_with_the_key_keeps_all_else() -> None:
    key = KEYS[0]
    body = json.dumps({"a": key, "b": 1}).replace("-", "\\u002d").encode()
    response = answer(json.loads(body), body, Server=key, Date="now")
    masked = KeyMask(key).response(response)
    assert masked.data == {"a": MASK, "b": 1}
    assert json.loads(masked.body) == masked.data
    assert dict(masked.headers) == {"Server": MASK, "Date": "now"}
    assert (masked.status, masked.url, masked.elapsed) == (200, response.url, 1.0)
    assert response.data["a"] == key


def test_a_body_in_a_wide_charset() -> None:
    body = f"<p>{KEYS[0]}</p>".encode("utf-16")
    response = answer(body, body, **{"Content-Type": "text/html; charset=utf-16"})
    masked = KeyMask(KEYS[0]).response(response)
    assert (masked.body, masked.data) == (MASK.encode(), MASK.encode())


def test_an_error_is_masked_with_all_that_it_carries() -> None:
    key = KEYS[0]
    body = json.dumps({"uuid": key}).encode()
    error = octaspace.ProvisionRejectedError(
        f"no: {key}", rejections=[{"reason": key}], response=answer(json.loads(body), body)
    )
    error.__cause__ = ValueError(key)
    KeyMask(key).error(error)
    assert str(error) == f"no: {MASK}"
    assert error.rejections == [{"reason": MASK}]
    assert error.response is not None
    assert error.response.data == {"uuid": MASK}
    assert error.__cause__ is None


def test_an_error_without_the_key_keeps_its_cause() -> None:
    error, cause = octaspace.ConnectionError("broke"), ValueError("why")
    error.__cause__ = cause
    KeyMask(KEYS[0]).error(error)
    assert error.__cause__ is cause


def test_a_mask_of_several_keys() -> None:
    first = KeyMask(KEYS[0])
    both = first.with_key("test").with_key(KEYS[5])
    assert both.text(f"{KEYS[0]} test {KEYS[5]} latest") == f"{MASK} {MASK} {MASK} latest"
    assert first.text("test") == "test"
    assert first.with_key(None) is first.with_key(KEYS[0]) is first


def test_a_key_that_is_used_again_is_the_last_one() -> None:
    mask = KeyMask("key-number-0")
    for number in range(1, 8):
        mask = mask.with_key(f"key-number-{number}")
    assert mask.with_key("key-number-7") is mask
    after = mask.with_key("key-number-1").with_key("key-number-8")
    assert [number for number in range(9) if after.text(f"key-number-{number}") == MASK] == [
        0,
        1,
        *range(3, 9),
    ]


def test_a_copy_of_a_client_masks_the_keys_of_both() -> None:
    with octaspace.Client(KEYS[0]) as client:
        copy = client.with_options(api_key=KEYS[4])
        assert copy._transport.mask.text(f"{KEYS[0]} {KEYS[4]}") == f"{MASK} {MASK}"
        assert client.with_options(read_timeout=1)._transport.mask is client._transport.mask


def test_repr_of_a_mask_does_not_show_the_key() -> None:
    assert KEYS[0] not in repr(KeyMask(KEYS[0]))


@pytest.mark.parametrize("unit", ["\\u002d", "&amp;", "%252d", "\\", "%", "&", "a\\/", "&amp;amp;"])
def test_a_long_text_of_escapes_takes_linear_time(unit: str) -> None:
    """Each ends in a time that grows with its length; the suite's own time limit is the check."""
    key = KEYS[0]
    masked = KeyMask(key).text(unit * (300_000 // len(unit)) + key)
    assert masked.endswith(MASK)
    assert key not in masked


@given(
    key=st.text(string.ascii_letters + string.digits + "-_+/=%", min_size=8, max_size=64),
    before=st.text(max_size=8),
    after=st.text(max_size=8),
    place=st.tuples(st.integers(0, 64), st.integers(0, 64)),
)
def test_a_text_is_left_alone_only_if_nothing_is_found(
    key: str, before: str, after: str, place: tuple[int, int]
) -> None:
    mask = KeyMask(key)
    part = key[min(place) : max(place)]
    for text in (before + part + after, before + part.upper() + after, before + key + after):
        assert (mask.text(text) is text) == (not mask.spans(text))
