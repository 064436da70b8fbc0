"""The interface of a storage backend, and the types it shares with the rules.

A backend keeps records without interpreting them: rules, limits and JSON are in the modules of this package,
once for both backends, SQLite and Redis. A record is a dictionary of plain values; a text is JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, get_args

from .quotas import StoreQuotas

__all__ = [
    "CALL_COLUMNS",
    "CALL_SOURCES",
    "FOREGROUND",
    "LEASE_SECONDS",
    "BrowserTable",
    "CallQuery",
    "CallSource",
    "CallTable",
    "Clock",
    "Database",
    "EndpointTable",
    "JobTable",
    "LogLimits",
    "LoginAttemptTable",
    "RateLimit",
    "Record",
    "StateKind",
    "StoreError",
    "StoreFullError",
    "TokenTable",
    "WorkerTable",
    "require_space",
]  # fmt: skip

Record = dict[str, Any]

#: Returns the time, seconds since 1970.
Clock = Callable[[], float]

#: Drafts are evicted, the oldest first; settings are refused when there is no space.
StateKind = Literal["settings", "drafts"]

#: The columns of a call that every view of the log shows; the rest is in its `detail`.
CALL_COLUMNS: Final = (
    "at", "target", "source", "page", "line", "method", "path", "status", "error", "elapsed", "attempts",
    "retries", "failovers", "endpoint", "address", "request_id", "in_use", "cache",
)  # fmt: skip

#: What made a call: a page or form of a person, an automatic refresh, a run of the method runner, of the
#: smoke suite or of the lab, or the reads that Diagnostics makes on request.
CallSource = Literal["page", "refresh", "runner", "smoke", "lab", "reads"]

CALL_SOURCES: Final[tuple[CallSource, ...]] = get_args(CallSource)

#: The sources of calls that a person asked for.
FOREGROUND: Final = tuple(source for source in CALL_SOURCES if source != "refresh")

#: What a process has begun, a job or the action of a form, counts as abandoned when the process has given no
#: sign of life for this long. Measured on the clock of the store: those of two machines may differ.
LEASE_SECONDS: Final = 15.0


class StoreError(RuntimeError):
    """The store does not answer or cannot write; the message is one line for the operator.

    Args:
        message: What is wrong; it may name files and servers.
        advice: What to do, for pages as well: it names neither. Empty when waiting may help.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice
        #: Whether it is known that the request has changed nothing yet; set by who knows.
        self.nothing_done = False


class StoreFullError(StoreError):
    """A record that must not be lost has no space; nothing was saved. The message is for the user."""


@dataclass(frozen=True)
class LogLimits:
    """How much of a log is kept.

    Attributes:
        rows: Rows of one browser.
        bytes: Bytes of one browser.
        seconds: Age of a row.
        total: Bytes of all browsers together.
    """

    rows: int = 1000
    bytes: int = 16 * 1024 * 1024
    seconds: float = 12 * 3600.0
    total: int = 128 * 1024 * 1024

    @classmethod
    def of(cls, quotas: StoreQuotas) -> LogLimits:
        """The limits that follow from the quotas of the store."""
        return cls(bytes=quotas.log.per_browser, total=quotas.log.total)


@dataclass(frozen=True)
class CallQuery:
    """Selects rows of a log; an empty text or None selects all.

    Attributes:
        method: Only this HTTP method.
        text: Only calls whose path, line or request id contains this, ignoring case.
        status: ``ok``, ``error``, ``retried`` (more than one attempt), ``cached`` (answered from the cache),
            or a status code.
        slower_than: Only calls that took more seconds.
        since: Only calls that began after this time.
        page: Only calls made by this page.
        path: Only calls of exactly this path.
        target: Only calls to this API target.
        endpoint: Only calls whose last attempt went to this endpoint.
        address: Only calls with an answer of this endpoint, also one from the cache, or whose last attempt
            went there.
        sources: Only calls with one of these sources.
    """

    method: str = ""
    text: str = ""
    status: str = ""
    slower_than: float | None = None
    since: float | None = None
    page: str = ""
    path: str = ""
    target: str = ""
    endpoint: str = ""
    address: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class RateLimit:
    """How fast attempts may follow each other.

    Attributes:
        burst: Attempts within `window` that do not wait.
        interval: Seconds between two of the others.
        max_wait: Seconds that an attempt waits at most.
        window: Seconds after which the count starts at zero again.
        max_addresses: Addresses that are remembered; the oldest are dropped.
    """

    burst: int
    interval: float
    max_wait: float
    window: float = 600.0
    max_addresses: int = 10_000


class BrowserTable(Protocol):
    """State of browsers: a text per key; all keys of a browser expire together."""

    def load(self, browser: str, idle: float) -> dict[str, str] | None:
        """Every text by its key; restarts the browser's idle time.

        Args:
            browser: Id of the browser.
            idle: Seconds after which the browser's state expires.

        Returns:
            Empty when the state expired; None when the browser was forgotten.
        """
        ...

    def save(self, browser: str, key: str, text: str, idle: float, kind: StateKind) -> None:
        """Save one text, unless the browser was forgotten; other keys saved at the same time are not changed.

        Args:
            browser: Id of the browser.
            key: Key of the text.
            text: Its value.
            idle: Seconds after which the browser's state expires.
            kind: The quota it counts for.

        Raises:
            StoreFullError: There is no space for settings.
        """
        ...

    def drop(self, browser: str, key: str) -> None:
        """Remove one key."""
        ...

    def with_prefix(self, prefix: str) -> list[tuple[str, str, str]]:
        """Browser, key and text of every key with a prefix, of all browsers whose state has not expired.

        It does not restart their idle time.
        """
        ...

    def forget(self, browser: str, now: float, keep: float, max_forgotten: int) -> None:
        """Remove everything of a browser: state, calls, tokens, jobs. Note that it was forgotten.

        Args:
            browser: Id of the browser.
            now: The time, seconds since 1970.
            keep: Seconds for which the note is kept. Until then, writes by requests and jobs that are still
                running are dropped, and these jobs are told to stop.
            max_forgotten: Maximum number of notes; the latest are kept.
        """
        ...


class CallTable(Protocol):
    """Logs of calls, numbered in the order in which they were written."""

    def append(self, browser: str, rows: Sequence[Mapping[str, Any]], limits: LogLimits) -> list[int]:
        """Add rows and remove those that exceed a limit.

        Args:
            browser: Id of the browser.
            rows: Rows with the fields of `CALL_COLUMNS`, a text `detail` and their `size` in bytes.
            limits: How much is kept.

        Returns:
            Their ids; each is 0 for a browser that was forgotten, whose rows are not added.
        """
        ...

    def latest(
        self, browser: str, query: CallQuery, limit: int, offset: int, *, whole: bool
    ) -> tuple[list[Record], int]:
        """Rows with their `id`, latest first, and the number of all that match.

        `detail` is None unless `whole`.
        """
        ...

    def find(self, browser: str, number: int) -> Record | None:
        """One row of the browser with its detail."""
        ...

    def addresses(self, browser: str) -> list[str]:
        """The endpoints that the browser's calls were made to, sorted."""
        ...

    def clear(self, browser: str) -> None:
        """Remove every row of the browser."""
        ...


class TokenTable(Protocol):
    """One-time tokens."""

    def claim(self, browser: str, token: str, owner: str, text: str, keep: float, placeholder: str) -> bool:
        """Claim a token; exactly one of all callers in all processes gets True.

        `text` is saved as its result until `finish` replaces it.

        Raises:
            StoreFullError: There is no space, and the token was not claimed before.
        """
        ...

    def finish(self, browser: str, token: str, text: str, keep: float, placeholder: str) -> None:
        """Save the result of a claimed token; `placeholder` replaces older results when space runs out."""
        ...

    def renew(self, browser: str, token: str) -> None:
        """Renew the lease of a claim, which begins with it."""
        ...

    def find(self, browser: str, token: str) -> Record | None:
        """The `owner` that claimed the token, the `result`, and the `age` of the lease in seconds.

        It is measured on the clock that `JobTable` uses.
        """
        ...


class WorkerTable(Protocol):
    """The latest snapshot of each worker process, per settings."""

    def publish(self, settings: str, worker: str, text: str, keep: float) -> None:
        """Replace the snapshot of a worker."""
        ...

    def all(self, settings: str) -> dict[str, str]:
        """The snapshot of each worker."""
        ...

    def drop(self, settings: str, workers: Sequence[str]) -> None:
        """Remove workers."""
        ...


class EndpointTable(Protocol):
    """A text for each endpoint that a browser has called."""

    def update(self, browser: str, endpoint: str, change: Callable[[str | None], str], keep: float) -> None:
        """Replace the text of an endpoint, unless the browser was forgotten.

        Args:
            browser: Id of the browser.
            endpoint: URL of the endpoint.
            change: Makes the new text from the present one, or from None. No other process writes in
                between. It may be called several times.
            keep: Seconds after which the text expires.
        """
        ...

    def find(self, browser: str, endpoints: Sequence[str]) -> dict[str, str]:
        """The texts of these endpoints, where there are some."""
        ...


class JobTable(Protocol):
    """Jobs and the items that each has collected.

    All times are those of one clock: the machine's for SQLite, Redis's own for Redis. A record that is
    returned has the time of its reading as `now`.
    """

    def begin(
        self,
        job: Record,
        window: float,
        admit: Callable[[list[Record], int], None],
        keep: int,
        seconds: float,
    ) -> None:
        """Add a job unless `admit` raises; no other job of its kind can be added in the meantime.

        For a browser that was forgotten nothing is added.

        Args:
            job: Fields of the job, without its times.
            window: Seconds before now that are counted for the second argument of `admit`.
            admit: Called with all running jobs of the kind, and with the number that the browser has begun
                in the window.
            keep: Maximum number of jobs of the kind that the browser keeps.
            seconds: Seconds for which they are kept.
        """
        ...

    def find(self, browser: str, id: str) -> Record | None:
        """A job of the browser."""
        ...

    def latest(self, browser: str, kind: str, count: int) -> list[Record]:
        """The browser's last jobs of a kind, latest first."""
        ...

    def items(self, browser: str, id: str) -> list[str]:
        """The items that a job of the browser has collected, in order."""
        ...

    def cancel(self, browser: str, id: str) -> None:
        """Mark a running job of the browser as cancelled."""
        ...

    def release(self, browser: str, id: str, heartbeat: float) -> None:
        """End the lease of a running job of the browser, unless it has had a heartbeat after this one."""
        ...

    def write(self, id: str, state: str, items: Sequence[str], first: int, *, ended: bool) -> bool | None:
        """Replace a job's state, renew its heartbeat, and add items.

        Args:
            id: Id of the job.
            state: The new state.
            items: Items to add.
            first: Number of the first of them.
            ended: Whether the job has ended.

        Returns:
            Whether the job is marked as cancelled; None when it was removed.
        """
        ...


class LoginAttemptTable(Protocol):
    """Queues of login attempts, one per address."""

    def reserve(self, address: str, now: float, limit: RateLimit, max_wait: float) -> float:
        """Reserve a place in a queue, atomically for all processes.

        Args:
            address: Address whose queue it is.
            now: The time, seconds since 1970.
            limit: How fast the queue moves, and how many addresses are remembered.
            max_wait: Seconds; with a longer wait no place is reserved.

        Returns:
            Seconds until this attempt may go on; more than `max_wait` when it has no place.
        """
        ...

    def clear(self, address: str) -> None:
        """Remove an address's queue."""
        ...


class Database(Protocol):
    """A backend. Every method of it and of its tables raises `StoreError` when it cannot do its work.

    Attributes:
        clock: The time, for the backend and for the rules.
        quotas: How much it keeps of each kind.
    """

    clock: Clock
    quotas: StoreQuotas

    @property
    def browsers(self) -> BrowserTable: ...
    @property
    def calls(self) -> CallTable: ...
    @property
    def tokens(self) -> TokenTable: ...
    @property
    def workers(self) -> WorkerTable: ...
    @property
    def endpoints(self) -> EndpointTable: ...
    @property
    def jobs(self) -> JobTable: ...
    @property
    def login_attempts(self) -> LoginAttemptTable: ...

    def generation(self) -> str:
        """Identifies what the store has kept: with another value, acknowledged records may be lost.

        It is another one when the store is empty again, or was replaced; and after a restart of a store whose
        last records may not survive its sudden end.
        """
        ...

    def notices_restarts(self) -> bool:
        """Whether acknowledged records survive a restart, or another `generation` shows that they may not."""
        ...

    def durability_warning(self) -> str | None:
        """What an operator should change so that acknowledged records survive a sudden end of the store.

        One line; None if they survive it.
        """
        ...

    def check(self) -> None:
        """Check that it works, at the start of the app."""
        ...

    def close(self) -> None:
        """Close this process's idle connections; a later use opens new ones.

        A job may be about to write its end: connections in use are not disturbed.
        """
        ...


def require_space(
    quotas: StoreQuotas, kind: Literal["settings", "claims"], added: int, own: int, total: int
) -> None:
    """Refuse a record that exceeds its quota.

    Args:
        quotas: The quotas.
        kind: Kind of the record.
        added: Bytes to add; with none or fewer there is always space.
        own: Bytes of the browser.
        total: Bytes of all browsers.

    Raises:
        StoreFullError: There is no space.
    """
    if added <= 0:
        return
    if kind == "settings":
        quota, records = quotas.settings, "saved settings"
    else:
        quota, records = quotas.claims, "forms that were sent within seven days"
    if own + added > quota.per_browser:
        raise StoreFullError(
            f"This browser has as many {records} as it may ({quota.per_browser >> 10} kB). "
            "Forgetting this browser in Settings makes room."
        )
    if total + added > quota.total:
        raise StoreFullError(
            f"All browsers together have as many {records} as they may ({quota.total >> 10} kB). "
            "Whoever runs the server can raise PLAYGROUND_STORE_BYTES."
        )
