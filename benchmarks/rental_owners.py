"""A process that forks owners of rentals and reapers, and ends them as it is told; one JSON line per order.

It has one thread, so that a fork is cheap and safe. Its children tell what they do through a pipe.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any

import octaspace
from benchmarks.rental_lines import BLOCK, CODE, PHASES, REAPER_CODE, Line, Lines, kill_here
from octaspace.rentals import owner as owner_module
from octaspace.rentals import reap

__all__ = ["KEY", "MARKER", "client_of", "rent"]

KEY = "sk-rentals".ljust(64, "0")
#: The environment variable of a machine or render node that names the call.
MARKER = "CALL"

#: Seconds that a forked child outlives its killed parent.
_CHILD_SECONDS = 3.0


def client_of(order: dict[str, Any]) -> octaspace.Client:
    """The client of an owner or a reaper: it fails fast, so that much can fail in a short time."""
    return octaspace.Client(
        KEY, base_urls=order["urls"], rental_ledger=order["ledger"],
        keep_alive=order.get("keep_alive", False), read_timeout=1, open_timeout=1, retry_interval=0.02,
        failure_cooldown=0.2,
    )  # fmt: skip


def rent(client: octaspace.Client, order: dict[str, Any]) -> Any:
    """Call `create` if the order has a `max_duration`, otherwise return the context manager of `rent`."""
    service = getattr(client.services, order["service"])
    arguments: dict[str, Any] = {"node_id": order["node"], "name": f"call {order['call']}"}
    if order["service"] == "vpn":
        arguments |= {"subkind": order["subkind"], "protocol": order["protocol"]}
    else:
        arguments |= {"disk_size": 1, "envs": {MARKER: str(order["call"])}}
        if order["service"] == "mr":
            arguments["image"] = "ubuntu:24.04"
    if "max_duration" in order:
        return service.create(**arguments, max_duration=order["max_duration"])
    return service.rent(**arguments)


class _Teller:
    """The child's end of the pipe."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def tell(self, what: str, **more: Any) -> None:
        # One write: a signal handler cannot come in between.
        os.write(self.pipe, (json.dumps({"what": what, "at": time.monotonic(), **more}) + "\n").encode())


def _own(order: dict[str, Any], teller: _Teller) -> None:
    """The life of one owner."""
    if order.get("away"):
        # To others it looks like a process of another machine: a reaper cannot see whether it runs.
        boot = "another machine's boot"
        owner_module.boot_id = lambda: boot  # type: ignore[assignment]
    client = client_of(order)
    target = order.get("target")
    wanted = None if target is None else Line(target["place"], target["phase"])
    seen: list[Line] = []

    def at_line(line: Line, before: int) -> None:
        if order["do"] == "record":
            seen.append(line)
        elif line == wanted and before >= target["before"]:
            teller.tell("killed", place=line.place, phase=line.phase)
            kill_here()

    lines = Lines(CODE, at_line)

    def use(session: Any) -> None:
        lines.phase = BLOCK
        teller.tell("entered", uuid=session.uuid, recovered=session.recovered)
        if order.get("forks") and os.fork() == 0:
            os.close(teller.pipe)
            sys.settrace(None)
            time.sleep(_CHILD_SECONDS)
            os._exit(0)
        end = time.monotonic() + order["seconds"]
        try:
            while True:
                is_last = time.monotonic() >= end
                try:
                    listed = {item["uuid"] for item in client.sessions.list().data}
                    teller.tell("looked", alive=session.uuid in listed)
                except octaspace.Error:
                    teller.tell("looked", alive=None)
                if is_last:
                    break
                time.sleep(0.1)
            if order.get("raises"):
                raise ZeroDivisionError
        finally:
            lines.phase = PHASES[6]
            teller.tell("leaving")

    try:
        with lines:
            if "max_duration" in order:
                rent(client, order)
            else:
                with rent(client, order) as session:
                    use(session)
            lines.phase = PHASES[8]
            client.close()
        teller.tell("done")
    except BaseException as error:
        sys.settrace(None)
        teller.tell("error", error=type(error).__name__, text=str(error)[:300])
    if order["do"] == "record":
        teller.tell("lines", lines=[[line.place, line.phase] for line in seen])
    elif order.get("lingers"):
        time.sleep(order["lingers"])
    atexit._run_exitfuncs()


def _reap(order: dict[str, Any], teller: _Teller) -> None:
    """The life of one reaper: some rounds, killed at the line that the order names."""
    client = client_of(order)
    reached = 0
    places: Counter[str] = Counter()
    target = order.get("target", {})

    def at_line(line: Line, before: int) -> None:
        nonlocal reached
        reached += 1
        places[line.place] += 1
        if reached == order.get("kill_at") or (line.place, before) == (
            target.get("place"),
            target.get("before"),
        ):
            teller.tell("killed", place=line.place, phase="reaper")
            kill_here()

    with Lines(REAPER_CODE, at_line):
        for _ in range(order["rounds"]):
            try:
                report = reap(client)
            except octaspace.Error as error:
                teller.tell("failed round", error=f"{type(error).__name__}: {error}"[:300])
            else:
                results = Counter(item.result for item in report.items)
                teller.tell("round", results=results, problem=report.problem, lines=reached)
                if order.get("records"):
                    teller.tell("places", places=places)
            time.sleep(order["pause"])


def _fork(work: Callable[[dict[str, Any], _Teller], None], order: dict[str, Any]) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            work(order, _Teller(writing))
        except KeyboardInterrupt:  # it came before or after the rental
            _Teller(writing).tell("error", error="KeyboardInterrupt")
        except BaseException as error:
            _Teller(writing).tell("broken", error=repr(error)[:500])
        finally:
            os._exit(0)
    os.close(writing)
    return pid, reading


def _follow(pid: int, reading: int, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Wait for the end of a child, disturb it as the order says, and return what it told."""
    events: list[dict[str, Any]] = []
    if "signals" in order:
        for after, number in order["signals"]:
            time.sleep(after)
            events.append({"what": "signal", "at": time.monotonic(), "number": number})
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                break
    with os.fdopen(reading) as pipe:
        told = [json.loads(line) for line in pipe]
    return events + told


def _load() -> None:
    """Import what owners and reapers import at first use, once for all of them."""
    for name in ("types", "rentals.reaper", "rentals.sqlite_backend", "rentals.redis_backend"):
        import_module(f"octaspace.{name}")
    octaspace.Client(KEY).services.session("none")


def main() -> None:
    _load()
    children: list[int] = []
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "reap":
            pid, reading = _fork(_reap, order)
        else:
            pid, reading = _fork(_own, order)
        events = _follow(pid, reading, order)
        status = None
        if order.get("reaps_child", True):
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        else:
            children.append(pid)  # remains a zombie
            if len(children) > 20:
                os.waitpid(children.pop(0), 0)
        sys.stdout.write(json.dumps({"pid": pid, "status": status, "events": events}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
