"""What happened at each endpoint: attempts of the last 30 minutes, errors, and since when it fails.

Each attempt counts. An endpoint whose calls go on at another one has no failed call, but it is the bad one.
All workers write into one record per browser and endpoint, of a bounded size.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..store import EndpointRecords
from .endpoint_attempts import AttemptResult, attempt_results

__all__ = [
    "MINUTES", "EndpointHistory", "ErrorGroup", "Minute", "read_histories", "record_attempts",
]  # fmt: skip

#: Length of the time line.
MINUTES: Final = 30

#: Maximum number of kinds of errors, and of cooldowns, that are kept.
_MAX_GROUPS: Final = 30
_MAX_COOLDOWNS: Final = 60

#: Seconds for which an error is kept after it occurred last.
_GROUP_SECONDS: Final = 12 * 3600

#: Latencies are counted in steps: 1 ms, and each further one is 10 % longer, up to about 200 s.
_FIRST_STEP: Final = 0.001
_STEP: Final = 1.1
_LAST_STEP: Final = 128


@dataclass
class Minute:
    """The attempts that ended within one minute, or within several.

    Attributes:
        attempts: Their number.
        errors: How many of them failed; see `AttemptResult.failed`.
        steps: Number of responses by their latency, in steps.
    """

    attempts: int = 0
    errors: int = 0
    steps: Counter[int] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        return self.attempts - self.errors

    @property
    def rate(self) -> float | None:
        """Failed attempts of all, from 0 to 1; None without attempts."""
        return self.errors / self.attempts if self.attempts else None

    @property
    def median(self) -> float | None:
        """Median latency of the responses in seconds, exact to 5 %; None without responses."""
        return self._at_rank(0.5)

    @property
    def p95(self) -> float | None:
        """The latency that 95 of 100 responses do not exceed, exact to 5 %."""
        return self._at_rank(0.95)

    def _at_rank(self, share: float) -> float | None:
        left = math.ceil(share * self.steps.total())
        for step in sorted(self.steps):
            left -= self.steps[step]
            if left <= 0:
                return float(_FIRST_STEP * _STEP**step)
        return None

    def add(self, other: Minute) -> None:
        """Add the attempts of another one."""
        self.attempts += other.attempts
        self.errors += other.errors
        self.steps += other.steps


@dataclass
class ErrorGroup:
    """Errors of one class and status at one endpoint.

    Attributes:
        kind: Name of the error class.
        status: HTTP status, or None.
        phase: The time limit that was reached last, or None.
        count: Number of attempts that ended so.
        first: When the first one ended, seconds since 1970.
        last: When the last one ended.
        message: Text of the last one.
        call: Number of its call in the request log.
        failed: Whether the endpoint failed; see `AttemptResult.failed`.
        calls: Number of calls that failed with it: their other attempts failed as well, or there were none.
    """

    kind: str
    status: int | None
    phase: str | None
    count: int
    first: float
    last: float
    message: str
    call: int
    failed: bool
    calls: int

    @property
    def words(self) -> str:
        """The class, with its status or its time limit."""
        detail = self.status or (self.phase and f"{self.phase} timeout")
        return f"{self.kind} ({detail})" if detail else self.kind


@dataclass
class EndpointHistory:
    """What happened at one endpoint.

    Attributes:
        answered_at: When the last attempt that did not fail ended, seconds since 1970; None if there is none.
        failed_at: The same of the last one that failed.
        failing_since: When the first of the failures since then ended; None if the last attempt succeeded.
        minutes: Attempts by minute since 1970.
        cooldowns: Start and end of each cooldown, of all workers together.
        groups: Its errors.
    """

    answered_at: float | None = None
    failed_at: float | None = None
    failing_since: float | None = None
    minutes: dict[int, Minute] = field(default_factory=dict)
    cooldowns: list[tuple[float, float]] = field(default_factory=list)
    groups: list[ErrorGroup] = field(default_factory=list)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> EndpointHistory:
        """The history that `record` has made."""
        if not record:
            return cls()
        answered_at, failed_at, failing_since = record["times"]
        return cls(
            answered_at, failed_at, failing_since,
            {
                int(minute): Minute(attempts, errors, Counter({int(step): n for step, n in steps.items()}))
                for minute, (attempts, errors, steps) in record["minutes"].items()
            },
            [(start, end) for start, end in record["cooldowns"]],
            [ErrorGroup(*values) for values in record["groups"]],
        )  # fmt: skip

    @property
    def record(self) -> dict[str, Any]:
        """It as JSON."""
        return {
            "times": [self.answered_at, self.failed_at, self.failing_since],
            "minutes": {
                minute: [it.attempts, it.errors, dict(it.steps)] for minute, it in self.minutes.items()
            },
            "cooldowns": self.cooldowns,
            "groups": [list(vars(group).values()) for group in self.groups],
        }

    @property
    def last_error(self) -> ErrorGroup | None:
        """The error that the endpoint failed with last, or None."""
        return max((group for group in self.groups if group.failed), key=lambda it: it.last, default=None)

    def add(self, results: Iterable[AttemptResult]) -> None:
        """Add attempts; those of other workers may be older than what is already there."""
        for result in sorted(results, key=lambda it: it.at):
            minute = self.minutes.setdefault(int(result.at // 60), Minute())
            minute.attempts += 1
            minute.errors += result.failed
            if result.status is not None:
                minute.steps[_step(result.elapsed)] += 1
            if result.cooldown:
                self.cooldowns.append((result.at, result.at + result.cooldown))
            if result.kind is not None:
                self._count(result, result.kind)
            if result.failed:
                self._fail(result.at)
            else:
                self._succeed(result.at)
        self._shorten()

    def _fail(self, at: float) -> None:
        self.failed_at = max(at, self.failed_at or at)
        if self.answered_at is None or at > self.answered_at:
            self.failing_since = min(at, self.failing_since or at)

    def _succeed(self, at: float) -> None:
        self.answered_at = max(at, self.answered_at or at)
        if self.failing_since is not None and at >= self.failing_since:
            # Between two failures that are known: since the later one at the latest.
            self.failing_since = self.failed_at if self.failed_at and self.failed_at > at else None

    def _count(self, result: AttemptResult, kind: str) -> None:
        found = [it for it in self.groups if (it.kind, it.status) == (kind, result.status)]
        if not found:
            found = [ErrorGroup(kind, result.status, None, 0, result.at, 0.0, "", 0, result.failed, 0)]
            self.groups += found
        group = found[0]
        group.count += 1
        group.calls += result.is_last
        group.first = min(group.first, result.at)
        if result.at >= group.last:
            group.last, group.phase = result.at, result.phase
            group.message, group.call = result.message, result.call

    def _shorten(self) -> None:
        """Remove what no page shows any more."""
        latest = max(self.minutes, default=0)
        self.minutes = {at: it for at, it in sorted(self.minutes.items()) if at > latest - MINUTES - 1}
        since = (latest - MINUTES) * 60
        self.cooldowns = _joined(span for span in self.cooldowns if span[1] > since)[-_MAX_COOLDOWNS:]
        recent = [group for group in self.groups if group.last > 60 * latest - _GROUP_SECONDS]
        self.groups = sorted(recent, key=lambda it: -it.last)[:_MAX_GROUPS]

    def timeline(self, now: float) -> list[tuple[int, Minute]]:
        """The last `MINUTES` minutes with the present one: start in seconds, and attempts."""
        last = int(now // 60)
        return [(60 * at, self.minutes.get(at, Minute())) for at in range(last - MINUTES + 1, last + 1)]

    def total(self, now: float, minutes: int = MINUTES) -> Minute:
        """The attempts of the last minutes together."""
        found = Minute()
        for _, minute in self.timeline(now)[-minutes:]:
            found.add(minute)
        return found


def _step(seconds: float) -> int:
    if seconds <= _FIRST_STEP:
        return 0
    return min(_LAST_STEP, round(math.log(seconds / _FIRST_STEP, _STEP)))


def _joined(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans in their order; those that overlap are one."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def record_attempts(
    records: EndpointRecords, rows: Sequence[Mapping[str, Any]], numbers: Sequence[int]
) -> None:
    """Add the attempts of calls to the histories of their endpoints; see `attempt_results`."""
    for endpoint, results in attempt_results(rows, numbers).items():

        def change(record: dict[str, Any], results: list[AttemptResult] = results) -> dict[str, Any]:
            history = EndpointHistory.from_record(record)
            history.add(results)
            return history.record

        records.update(endpoint, change)


def read_histories(records: EndpointRecords, endpoints: Sequence[str]) -> dict[str, EndpointHistory]:
    """The history of each of these endpoints; an empty one for an endpoint that was not called."""
    found = records.find(endpoints)
    return {url: EndpointHistory.from_record(found.get(url, {})) for url in endpoints}
