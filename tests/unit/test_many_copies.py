"""Thousands of copies of a client: each takes the same memory and the same work as the first."""

from __future__ import annotations

import gc
import pickle
import sys
import tracemalloc
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client, fork, validation

MANY = 1000

#: How the next copy is made from the last one.
CHAINS: dict[str, Callable[[Client, int], Client]] = {
    "the same options": lambda client, number: client.with_options(),
    "another option": lambda client, number: client.with_options(read_timeout=1 + number),
    "another key": lambda client, number: client.with_options(api_key=f"key-{number:060d}"),
}


def chain(kind: str, length: int) -> list[Client]:
    copies = [Client("k" * 64)]
    for number in range(length):
        copies.append(CHAINS[kind](copies[-1], number))
    return copies


def functions_called(work: Callable[[], object]) -> int:
    """How many functions it calls, those in C included."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()  # a collection calls the callbacks of weak references
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


@pytest.mark.parametrize("kind", CHAINS)
def test_the_last_copy_of_a_chain_takes_the_work_of_an_early_one(kind: str) -> None:
    copies = chain(kind, MANY)
    masked = "a text with a %41 and an &amp; " + "k" * 64
    # From the eighth key on, each copy knows eight.
    for work in (
        lambda client: CHAINS[kind](client, MANY),
        lambda client: client._transport.mask.text(masked),
        repr,
    ):
        counts = []
        for client in (copies[10], copies[-1]):
            work(client)  # a mask prepares its encodings on first use
            counts.append(functions_called(partial(work, client)))
        assert counts[0] == counts[1]


@pytest.mark.parametrize("kind", CHAINS)
def test_the_last_copy_of_a_chain_takes_the_memory_of_an_early_one(kind: str) -> None:
    copies = chain(kind, 10)
    sizes = []
    tracemalloc.start()
    try:
        for last in (110, MANY, MANY + 100):
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            while len(copies) <= last:
                copies.append(CHAINS[kind](copies[-1], len(copies)))
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    assert sizes[2] < 1.1 * sizes[0]


def test_a_call_of_the_last_copy_takes_the_work_of_a_call_of_the_first(
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.get("https://api.octa.space/accounts/balance", json={"balance": 1})
    copies = chain("another key", MANY)
    counts = []
    for client in (copies[0], copies[-1], copies[0], copies[-1]):
        counts.append(functions_called(client.accounts.balance))
    assert counts[2] == counts[3]


def test_a_copy_masks_the_first_key_and_the_last_ones() -> None:
    mask = chain("another key", 50)[-1]._transport.mask
    assert mask.text("k" * 64) == "***"
    for number in range(44, 50):
        assert mask.text(f"key-{number:060d}") == "***"


def test_a_long_chain_is_used_and_closed_without_recursion() -> None:
    copies = chain("another option", 10_000)
    last = copies[-1]
    assert repr(last) == "<Client https://api.octa.space>"
    with pytest.raises(TypeError, match="from_config"):
        pickle.dumps(last)
    assert pickle.loads(pickle.dumps(last.config)) == last.config
    last.close()
    assert not copies[-2]._transport.closed
    copies[0].close()
    assert copies[5_000]._transport.closed
    references = [weakref.ref(copy) for copy in copies]
    del copies, last
    assert not any(reference() for reference in references)  # without a garbage collection


def test_nothing_that_is_told_of_a_fork_belongs_to_a_copy() -> None:
    client = Client("k" * 64)
    client.with_options().close()
    before = len(fork._registered)
    copies = [client.with_options(api_key=f"key-{number}") for number in range(100)]
    assert len(fork._registered) == before
    assert copies


def test_a_copy_checks_only_the_options_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def noting(check: Callable[[str, object], Any]) -> Callable[[str, object], Any]:
        def note(name: str, value: object) -> Any:
            checked.append(name)
            return check(name, value)

        return note

    client = Client("k" * 64, user_agent="mine")
    for name, check in validation.CHECKS.items():
        monkeypatch.setitem(validation.CHECKS, name, noting(check))  # type: ignore[arg-type]
    copy = client.with_options(read_timeout=7)
    assert checked == ["read_timeout"]
    assert copy.config == octaspace.Config(api_key="k" * 64, user_agent="mine", read_timeout=7)
