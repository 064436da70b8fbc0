"""What `benchmarks.growth` runs in processes of its own: calls and copies in a number that is given."""

from __future__ import annotations

import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import octaspace
from octaspace.transport import SYSTEM_CLOCK, Clock

__all__ = ["CASES"]

_KEY: Final = "k" * 64
_THREADS: Final = 24
_COOLDOWNS: Final = 5


def _calls(number: int, *urls: str) -> None:
    with octaspace.Client(_KEY, base_urls=urls, keep_alive=True) as client:
        for _ in range(number):
            client.accounts.balance()


def _calls_of_a_copy(number: int, url: str) -> None:
    client = octaspace.Client(_KEY, base_url=url, keep_alive=True)
    for _ in range(2_000):
        client = client.with_options(max_retries=1)
    for _ in range(number):
        client.accounts.balance()


def _copies(number: int, *, count_bytes: bool = False) -> None:
    client = octaspace.Client(_KEY)
    _make(lambda _, __: client.with_options(read_timeout=5), number, client, count_bytes)


def _chain(number: int, *, count_bytes: bool = False) -> None:
    _make(lambda _, last: last.with_options(read_timeout=5), number, octaspace.Client(_KEY), count_bytes)


def _chain_with_keys(number: int, *, count_bytes: bool = False) -> None:
    client = octaspace.Client(_KEY)
    _make(lambda turn, last: last.with_options(api_key=f"key-{turn:060d}"), number, client, count_bytes)


def _make(
    copy: Callable[[int, octaspace.Client], octaspace.Client], number: int, client: octaspace.Client,
    count_bytes: bool,
) -> None:  # fmt: skip
    if count_bytes:
        copy(0, client)
        tracemalloc.start()
    copies = [client]
    for turn in range(number):
        copies.append(copy(turn, copies[-1]))
    if count_bytes:
        sys.stdout.write(f"{tracemalloc.get_traced_memory()[0]}\n")


def _threads(number: int, threads: str, size: str, url: str) -> octaspace.Client:
    """Share the calls between that many threads, which begin together."""
    client = octaspace.Client(_KEY, base_url=url, keep_alive=True, pool_size=int(size), pool_timeout=None)
    _in_threads(int(threads), lambda: [client.accounts.balance() for _ in range(number // int(threads))])
    return client


def _waits(number: int, threads: str, size: str, url: str) -> None:
    """Count how often a thread waits for a connection, and how often one is opened."""
    waits = 0
    wait = threading.Condition.wait

    def counted(self: threading.Condition, timeout: float | None = None) -> bool:
        nonlocal waits
        if threading.current_thread() is not threading.main_thread():
            waits += 1
        return wait(self, timeout)

    threading.Condition.wait = counted  # type: ignore[method-assign]
    client = _threads(number, threads, size, url)
    opened = client.transport_stats()["pools"][url]["created"]
    sys.stdout.write(f"{waits / number:.3f} waits per call, {opened} connections\n")


def _black_hole(number: int, *urls: str) -> None:
    """Write how many calls wait for an endpoint that drops packets: at first, and in each cooldown."""
    passed = 0.0
    clock = Clock(monotonic=lambda: SYSTEM_CLOCK.monotonic() + passed, sleep=None, random=SYSTEM_CLOCK.random)
    waits: Counter[str] = Counter()

    class Waits(octaspace.Observer):
        def attempt_finished(self, event: octaspace.AttemptFinished) -> None:
            waits[str(event.phase)] += 1

    config = octaspace.Config(
        api_key=_KEY, base_urls=urls, keep_alive=True, pool_size=_THREADS, open_timeout=1, observers=[Waits()]
    )
    found = []
    with octaspace.Client.from_config(config, clock=clock) as client:
        _ = [client.accounts.balance() for _ in range(number)]
        for _ in range(1 + _COOLDOWNS):
            before = waits["open"]
            _in_threads(_THREADS, lambda: [client.accounts.balance() for _ in range(20)])
            found.append(waits["open"] - before)
            passed += config.failure_cooldown
    sys.stdout.write(f"calls that wait: {found[0]} at first, then {found[1:]} per cooldown\n")


def _in_threads(number: int, work: Callable[[], Any]) -> None:
    barrier = threading.Barrier(number)

    def run() -> None:
        barrier.wait()
        work()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


CASES: Final[dict[str, Callable[..., Any]]] = {
    "calls": _calls,
    "calls of a copy": _calls_of_a_copy,
    "copies": _copies,
    "chain": _chain,
    "chain with keys": _chain_with_keys,
    "threads": _threads,
    "waits": _waits,
    "black hole": _black_hole,
}
