"""When a rental ends besides its block: checked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...errors import ConfigurationError
from ...rentals.deadlines import checked_duration
from ...rentals.held_rental import LeaseLostHook
from ...request import RequestSender
from .arguments import checked_text

__all__ = ["RentalTerms", "checked_terms"]

_MAX_NAME = 200


@dataclass(frozen=True)
class RentalTerms:
    """What is recorded with a rental.

    Attributes:
        name: The program's name for it, or None.
        max_duration: Seconds until its deadline, or None.
        on_lease_lost: Called when a reaper has ended it, or None.
    """

    name: str | None = None
    max_duration: float | None = None
    on_lease_lost: LeaseLostHook | None = None


def checked_terms(
    sender: RequestSender,
    *,
    name: str | None,
    max_duration: float | None,
    deadline: datetime | None,
    on_lease_lost: LeaseLostHook | None = None,
) -> RentalTerms:
    """Check the terms of a rental.

    Raises:
        ValueError: One of them cannot be used.
        ConfigurationError: One is given, and there is no ledger to record it.
    """
    if name is not None:
        checked_text("name", name, required=True)
        if len(name) > _MAX_NAME or not name.isprintable():
            raise ValueError(f"name must have at most {_MAX_NAME} characters and no control characters")
    hook: Any = on_lease_lost
    if hook is not None and not callable(hook):
        raise ValueError(f"on_lease_lost must be callable or None, not {type(hook).__name__}")
    seconds = checked_duration(max_duration, deadline)
    given = {"name": name, "max_duration": max_duration, "deadline": deadline, "on_lease_lost": on_lease_lost}
    missing = next((term for term, value in given.items() if value is not None), None)
    if missing is not None and sender.rental_ledger is None:
        raise ConfigurationError(
            f"{missing} needs a rental ledger: pass rental_ledger='sqlite:///rentals.db' to the client, and "
            "run a reaper",
            option="rental_ledger",
        )
    return RentalTerms(name, seconds, on_lease_lost)
