"""The owner of a rental in the ledger: a browser together with the API that it was rented from.

An entry has the fingerprint of its key, but not the endpoints. The same key may be typed for two APIs: the
name of the API in the label keeps a reaper of one from closing entries of the other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from octaspace.rentals import RentalOwner

from .api_target import ApiTarget

__all__ = ["belongs_to", "owner_label"]

_LABEL: Final = re.compile(r"browser-[0-9a-f]{8}@(?P<target>sandbox|live|custom-[0-9a-f]{8})")


def owner_label(secret_key: str, browser: str, target: ApiTarget) -> str:
    """The label of a browser as an owner, e.g. ``browser-3f9a2c1b@live``.

    Args:
        secret_key: The key of the playground: without it, the label cannot be computed from the id.
        browser: Id of the browser. It cannot be read from the label.
        target: The API.
    """
    digest = hmac.new(secret_key.encode(), f"owner of rentals: {browser}".encode(), hashlib.sha256)
    return f"browser-{digest.hexdigest()[:8]}@{_name_of(target)}"


def belongs_to(owner: RentalOwner, target: ApiTarget) -> bool:
    """Whether what an owner rented is at this API, provided that its key is the same.

    Owners that are not browsers use the operator's endpoints.
    """
    found = _LABEL.fullmatch(owner.label or "")
    return _name_of(target) == (found["target"] if found is not None else "live")


def _name_of(target: ApiTarget) -> str:
    if target.kind != "custom":
        return target.kind
    endpoints = " ".join(sorted(target.endpoints))
    return f"custom-{hashlib.sha256(endpoints.encode()).hexdigest()[:8]}"
