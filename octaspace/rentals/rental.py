"""The entry of a rental in a ledger, and its JSON text."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import NoneType
from typing import Any, Final, Literal

from ..safe_repr import safe_repr
from .host import thread_exists
from .ledger_time import LedgerTime
from .owner import RentalOwner

__all__ = ["RENTAL_ID_VARIABLE", "Claim", "Outcome", "Rental", "ServiceName"]

#: The environment variable of a machine that carries the id of its entry.
RENTAL_ID_VARIABLE = "OCTASPACE_RENTAL_ID"

ServiceName = Literal["mr", "vpn", "render"]

#: Why an entry is closed: by its owner, by the reaper (lease over, deadline passed), because the session was
#: gone, because the API refused the rental, because nothing was made, or by the reaper because the session
#: ran although the entry had been closed.
Outcome = Literal[
    "stopped", "lease over", "deadline passed", "session gone", "refused", "not made", "still running"
]

_REVISION_BYTES = 8


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one reaper to stop a rental, until a time.

    Attributes:
        by: The process of the reaper.
        since: When it was made.
        seconds: How long it lasts.
    """

    by: RentalOwner
    since: LedgerTime
    seconds: float

    def is_over(self, now: LedgerTime) -> bool:
        """Whether another reaper may take its place. A process of this host is checked."""
        if self.by.is_running() is False:
            return True
        # Slightly in the future is not over: another reaper made it after `now` was read.
        return now.epoch != self.since.epoch or abs(now.since(self.since)) >= self.seconds


@dataclass(frozen=True, slots=True)
class Rental:
    """One entry of a ledger. It holds no key, no environment variable and no configuration.

    Attributes:
        id: Its id; a machine carries it as the environment variable `OCTASPACE_RENTAL_ID`.
        account: Fingerprint of the API key that it belongs to; see `octaspace.rentals.account_fingerprint`.
        service: ``"mr"``, ``"vpn"`` or ``"render"``.
        node_id: The node.
        owner: Its owner.
        created: When it was written, before the request.
        renewed: The last sign of life of the owner.
        name: The program's name for it.
        lease: Seconds that it outlives the last sign of life; None when only the deadline ends it.
        released: Whether the owner has given it up, so that the lease is over at once.
        deadline: When it ends, whatever its owner does; None for no limit.
        thread: The system's id of the thread that renews the lease; None where it is unknown.
        uuid: The session; None until the answer is known.
        claim: The reaper that is stopping it.
        outcome: Why it is closed; None while it is open.
        closed: When it was closed.
        revision: Changes with every write.
    """

    id: str
    account: str
    service: ServiceName
    node_id: int
    owner: RentalOwner
    created: LedgerTime
    renewed: LedgerTime
    name: str | None = None
    lease: float | None = None
    released: bool = False
    deadline: LedgerTime | None = None
    thread: int | None = None
    uuid: str | None = None
    claim: Claim | None = None
    outcome: Outcome | None = None
    closed: LedgerTime | None = None
    revision: str = field(default_factory=lambda: secrets.token_hex(_REVISION_BYTES))

    @property
    def state(self) -> str:
        """``"creating"``, ``"active"``, ``"stopping"`` (a reaper has it) or ``"closed"``."""
        if self.closed is not None:
            return "closed"
        if self.claim is not None:
            return "stopping"
        return "creating" if self.uuid is None else "active"

    def lease_over(self, now: LedgerTime, host: str) -> bool:
        """Whether the lease has run out: no sign of life for its length, or the machine was restarted.

        A sign of life in the future is none of these: the clock was set back.

        Args:
            now: The time on the ledger's clock.
            host: Name of this machine. Another epoch means that it was restarted. Other machines that use
                the same SQLite file have other epochs, and are compared by the calendar.
        """
        if self.lease is None:
            return False
        if self.released or (self.renewed.epoch != now.epoch and self.owner.host == host):
            return True
        return now.since(self.renewed) >= self.lease

    def owner_lives(self) -> bool | None:
        """Whether the owner runs, as `RentalOwner.is_running`, and still renews the lease.

        `os.exec` keeps the process, its id and its start time, and ends all of its other threads: the program
        that runs then does not know of the rental.
        """
        is_running = self.owner.is_running()
        if is_running and self.thread is not None and thread_exists(self.owner.pid, self.thread) is False:
            return False
        return is_running

    def deadline_passed(self, now: LedgerTime) -> bool:
        """Whether the deadline has passed.

        A boot clock before the entry's creation was restarted: a boot without an id does not tell. The
        calendar decides then.
        """
        if self.deadline is None:
            return False
        if now.since(self.created) < 0:
            return now.wall >= self.deadline.wall
        return now.since(self.deadline) >= 0

    def changed(self, **values: Any) -> Rental:
        """A copy with other values and another revision."""
        return replace(self, **values, revision=secrets.token_hex(_REVISION_BYTES))

    def to_json(self) -> str:
        """The JSON text that ledgers store."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Rental:
        """Read what `to_json` returns.

        Raises:
            ValueError: It is something else.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            for name, kinds in _KINDS.items():
                _check(name, data[name], kinds)
            claim = data["claim"]
            return cls(
                **{
                    **data,
                    "owner": RentalOwner(**data["owner"]),
                    **{name: _required_time(name, data[name]) for name in ("created", "renewed")},
                    **{name: _time(name, data[name]) for name in ("deadline", "closed")},
                    "claim": claim
                    and Claim(
                        RentalOwner(**claim["by"]),
                        _required_time("since", claim["since"]),
                        _check("seconds", claim["seconds"], _NUMBER),
                    ),
                }
            )
        except (TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"not an entry of a rental ledger: {error}") from None


_NUMBER: Final = (int, float)

#: What JSON has for each value of an entry that is not an object.
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "id": (str,),
    "account": (str,),
    "service": (str,),
    "node_id": (int,),
    "name": (str, NoneType),
    "lease": (*_NUMBER, NoneType),
    "released": (bool,),
    "thread": (int, NoneType),
    "uuid": (str, NoneType),
    "outcome": (str, NoneType),
    "revision": (str,),
}


def _check(name: str, value: Any, kinds: tuple[type, ...]) -> Any:
    """The value; a number that is not finite would be a lease that never ends."""
    if not isinstance(value, kinds) or (isinstance(value, float) and not math.isfinite(value)):
        raise TypeError(f"{name} is {safe_repr(value)}")
    return value


def _time(name: str, data: Any) -> LedgerTime | None:
    return None if data is None else _required_time(name, data)


def _required_time(name: str, data: Any) -> LedgerTime:
    time = LedgerTime(**_check(name, data, (dict,)))
    _check(name, time.epoch, (str,))
    _check(name, time.seconds, _NUMBER)
    _check(name, time.wall, _NUMBER)
    return time
