"""A run of the failover lab: many calls at once to a sandbox with faults, with the attempts of each."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from octaspace import Client, Config, Error, RentalLedgerError
from octaspace.rentals import RentalLedger

from ...app_state import AppState
from ...browser.call_log import CallLog
from ...browser.state import Browser
from ...jobs.background import begin
from ...jobs.progress import Progress
from ...sdk.call import SdkCall
from ...sdk.error_card import describe
from ...sdk.json_access import get_path
from ...sdk.recording import Call, record_calls
from ...store import JobLimits
from .cleanup import stop_sessions
from .cooldowns import Cooldowns, cooldown_left
from .faults import without_faults
from .journal import LabJournal
from .sandbox_control import ControlError, SandboxControl

__all__ = [
    "KIND", "MAX_CALLS", "MAX_THREADS", "OPTIONS", "PER_SECOND", "RENTED_SECONDS", "SOCKET_OPTIONS",
    "CallMix", "Plan", "start_lab",
]  # fmt: skip

KIND: Final = "lab"
CallMix = Literal["reads", "creates", "mixed"]

MAX_CALLS: Final = 200
MAX_THREADS: Final = 16

#: Maximum calls started per second; slow enough to watch.
PER_SECOND: Final = 40

_LIMITS: Final = JobLimits(per_browser=1, total=3, rate=6)

#: Seconds after which a run ends, regardless of its calls.
_MAX_SECONDS: Final = 120.0

#: Seconds after which the reaper stops what a run has rented, if the process of the run ends before it does:
#: longer than a run takes, and its tidying up.
RENTED_SECONDS: Final = 600

_RECORDED: Final[dict[str, Any]] = {"name": "failover lab", "max_duration": RENTED_SECONDS}

#: Seconds between two polls of the endpoints, and of the journal.
_LOOK: Final = 0.1
_READ: Final = 1.0

#: Short limits: effects that usually take minutes are visible in seconds.
OPTIONS: Final[dict[str, Any]] = {
    "pool_timeout": 2,
    "open_timeout": 1,
    "read_timeout": 1.5,
    "write_timeout": 1.5,
    "max_retries": 2,
    "retry_interval": 0.2,
    "max_retry_after": 2,
    "total_timeout": 8,
}

#: Options of a client with its own connections and endpoint health.
SOCKET_OPTIONS: Final[dict[str, Any]] = {"keep_alive": True, "failure_cooldown": 3}

#: The machine to rent if the list of offers cannot be loaded: that of the API documentation.
_SOME_MACHINE: Final = 9101


@dataclass(frozen=True)
class Plan:
    """The calls of a run.

    Attributes:
        kind: ``"reads"``, ``"creates"``, or every third a creation: ``"mixed"``.
        count: Number of calls.
        threads: Number of calls at the same time.
        healthy: Whether the run begins with all endpoints healthy, with a separate client. Otherwise it
            uses the endpoint health and the connections of the pages' client in this worker.
    """

    kind: CallMix
    count: int
    threads: int
    healthy: bool = True

    def creates(self, number: int) -> bool:
        """Whether the call with this number is a creation."""
        return self.kind == "creates" or (self.kind == "mixed" and number % 3 == 0)


def start_lab(parts: AppState, browser: Browser, plan: Plan) -> str:
    """Start a run for a browser that uses the sandbox.

    Args:
        parts: The state of the app.
        browser: The browser that starts it.
        plan: The calls to make.

    Returns:
        Id of the run. Its items are the calls, in the order in which they ended: `number`, `lane`, `line`,
        `create`, `start`, `took`, `status`, `error`, `message`, `unknown`, and their `attempts`. Times are
        seconds since the run began.

    Raises:
        playground.store.TooManyJobsError: Another run is active.
    """
    target, id = browser.api_target, browser.id
    config, ledger = browser.config, browser.rental_ledger
    about = {"plan": vars(plan), "endpoints": list(config.endpoints)}

    def work(progress: Progress) -> None:
        with (
            SandboxControl(parts.process.control_urls) as control,
            _client(parts, config, plan, ledger) as client,
        ):
            try:
                _Run(parts, id, target.label, plan, progress, control, client).go()
            except ControlError as error:
                progress.tell(failure=str(error))

    return begin(parts.database, id, KIND, about, _LIMITS, work)


@contextmanager
def _client(parts: AppState, config: Config, plan: Plan, ledger: RentalLedger) -> Iterator[Client]:
    """The client of a run: a new one, which is closed afterwards, or the one of the pages."""
    if plan.healthy:
        own = config.replace(**OPTIONS, **SOCKET_OPTIONS, pool_size=plan.threads)
        with parts.clients.one_off(own) as client:
            yield client.with_options(rental_ledger=ledger)
    else:
        with parts.clients.lease(config) as client:
            yield client.with_options(**OPTIONS, rental_ledger=ledger)


class _Run:
    """One run, from its first call to the stop of its last session."""

    def __init__(
        self, parts: AppState, browser: str, target: str, plan: Plan, progress: Progress,
        control: SandboxControl, client: Client,
    ) -> None:  # fmt: skip
        self._log = CallLog(parts.database, browser, target=target, source="lab", page="lab.fire")
        self._tidying_log = CallLog(parts.database, browser, target=target, source="lab", page="lab.tidy")
        self._plan, self._progress, self._client = plan, progress, client
        self._numbers = iter(range(1, plan.count + 1))
        self._lock = threading.Lock()
        self._pending: list[dict[str, Any]] = []
        #: The sessions that answers have named.
        self._made: set[str] = set()
        self._stop = threading.Event()
        self._next = time.monotonic()
        self._machine = _SOME_MACHINE
        if plan.kind != "reads":
            self._machine = _machine(parts, client.config, without_faults(control))
        # After that call, so that only requests of the run are counted in the journal.
        self._journal = LabJournal(control, progress.id)
        self._began = time.monotonic()
        self._cooldowns = Cooldowns(client.config.endpoints, client.config.failure_cooldown)

    def go(self) -> None:
        """Make the calls, record them, then stop the sessions of the run, whatever has failed before."""
        progress = self._progress
        try:
            self._send()
        finally:
            if self._plan.kind != "reads":
                progress.tell(phase="stopping sessions", at_once=True)
                left = stop_sessions(self._client, progress.id, self._made, self._write_down)
                progress.tell(left=left)
        progress.tell(journal=self._journal.read())
        progress.tell(phase="over")

    def _send(self) -> None:
        """Make the calls, and publish what they do."""
        progress = self._progress
        cooling = cooldown_left(self._client.transport_stats())
        progress.tell(phase="sending calls", cooling=cooling, pid=os.getpid(), at_once=True)
        threads = [
            threading.Thread(target=self._fire, args=(lane,), name=f"lab-{progress.id}-{lane}", daemon=True)
            for lane in range(self._plan.threads)
        ]
        try:
            for thread in threads:
                thread.start()
            self._watch(threads)
        finally:
            self._stop.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        self._look()
        progress.tell(journal=self._journal.read(), seconds=self._now(), at_once=True)

    def _watch(self, threads: list[threading.Thread]) -> None:
        read_at = 0.0
        while any(thread.is_alive() for thread in threads):
            if self._progress.wait(_LOOK) or self._now() > _MAX_SECONDS:
                self._stop.set()
            self._look()
            if self._now() - read_at >= _READ:
                read_at = self._now()
                self._progress.tell(journal=self._journal.read())

    def _write_down(self, line: SdkCall, calls: list[Call]) -> None:
        self._progress.defer(lambda: self._tidying_log.write(calls, line.redacted))

    def _look(self) -> None:
        """Publish the health of the endpoints, and the calls that have ended since the last poll."""
        stats, now = self._client.transport_stats(), self._now()
        self._cooldowns.look(stats, now)
        with self._lock:
            rows, self._pending = self._pending, []
        if rows:
            self._progress.defer(lambda: self._log.append(rows))
        self._progress.tell(
            seconds=now,
            stats=stats,
            cooldowns=self._cooldowns.spans,
        )

    def _fire(self, lane: int) -> None:
        for number in self._take():
            line = self._line(number)
            with record_calls() as calls:
                error: Exception | None = None
                response: Any = None
                try:
                    response = line.run(self._client)
                except RentalLedgerError as problem:  # with an answer: it was rented, and not recorded
                    error, response = problem, problem.response
                    self._end_without_ledger(problem)
                except (Error, ValueError) as problem:
                    error = problem
                if response is not None:
                    self._remember(number, response.data)
            if not calls:
                continue
            call = calls[-1]
            row = self._log.row(call, line.redacted)
            with self._lock:
                self._pending.append(row)
            self._progress.tell(self._item(number, lane, line, call, error))

    def _end_without_ledger(self, problem: RentalLedgerError) -> None:
        """Rent nothing more: what cannot be recorded would run on if this process ended."""
        self._stop.set()
        self._progress.tell(failure=f"The run has ended: {describe(problem).message}")

    def _remember(self, number: int, data: Any) -> None:
        """Remember what a creation has made, so that it is stopped."""
        uuids = {get_path(item, "uuid") for item in (data if isinstance(data, list) else [data])}
        if self._plan.creates(number):
            self._made.update(uuid for uuid in uuids if isinstance(uuid, str))

    def _take(self) -> Iterator[int]:
        """The numbers of the calls for a thread, at a limited rate."""
        while not self._stop.is_set():
            with self._lock:
                number = next(self._numbers, None)
                due = self._next = max(self._next + 1 / PER_SECOND, time.monotonic())
            if number is None or self._stop.wait(max(0.0, due - time.monotonic())):
                return
            yield number

    def _line(self, number: int) -> SdkCall:
        # The name of the run is sent along, so that the journal identifies this call.
        tag = f"{self._progress.id}-{number}"
        if self._plan.creates(number):
            return SdkCall(
                "services.mr.create", node_id=self._machine, disk_size=1, image="ubuntu:24.04",
                envs={"LAB": tag}, **_RECORDED,
            )  # fmt: skip
        return SdkCall(("nodes.list", "apps.list", "sessions.list")[number % 3], lab=tag)

    def _item(
        self, number: int, lane: int, line: SdkCall, call: Call, error: Exception | None
    ) -> dict[str, Any]:
        start = call.began - self._began
        problem = None if error is None else describe(error)
        return {
            "number": number,
            "lane": lane,
            "line": line.name,
            "create": self._plan.creates(number),
            "start": start,
            "took": call.elapsed,
            "status": call.status,
            "error": None if problem is None else problem.kind,
            "message": "" if problem is None else problem.message,
            "unknown": problem is not None and problem.outcome_unknown,
            "attempts": [{**attempt, "start": start + attempt["start"]} for attempt in call.attempts],
        }

    def _now(self) -> float:
        return time.monotonic() - self._began


def _machine(parts: AppState, config: Config, endpoints: list[str]) -> int:
    """A machine to rent.

    Its client is not that of the run, so that it does not change the run's endpoint health, and it prefers
    endpoints without faults, so that it uses up no fault that occurs a limited number of times.
    """
    own = config.replace(base_urls=endpoints or config.endpoints)
    with parts.clients.one_off(own) as client:
        try:
            offers: Any = client.services.mr.list().data
        except Error:
            return _SOME_MACHINE
    node_id = get_path(offers[0], "node_id") if isinstance(offers, list) and offers else None
    return node_id if isinstance(node_id, int) else _SOME_MACHINE
