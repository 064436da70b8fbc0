"""What a rental sends, value by value, for the page that asks for confirmation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from octaspace import Request
from octaspace.rentals.rental import RENTAL_ID_VARIABLE

from ...formatting import INVISIBLE
from .app_fill import Difference
from .fields import FIELDS
from .parsing import Order

__all__ = ["SentValue", "request_json", "sent_values"]

#: Fields that are recorded in the rental ledger and not sent.
_RECORDED: Final = ("max_duration", "name")

#: Names of arguments that differ in the body.
_BODY_NAMES: Final = {"multi_gpu_worker": "multi-gpu-worker"}


@dataclass(frozen=True)
class SentValue:
    """A value of the request.

    Attributes:
        name: The argument of `create`.
        label: Its label in the form.
        text: The value as text; empty for none.
        variables: For `envs`: values by name, as the request has them.
        difference: How the application's value differs; None when it does not.
        sent: Whether the body of the request has it.
    """

    name: str
    label: str
    text: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    difference: Difference | None = None
    sent: bool = True

    def is_rental_id(self, name: str) -> bool:
        """Whether a variable is the mark by which the ledger finds the machine."""
        return name == RENTAL_ID_VARIABLE


def sent_values(order: Order, request: Request, apart: Mapping[str, Difference]) -> list[SentValue]:
    """Each value of the request, in the order of the form.

    Args:
        order: The parsed form.
        request: The request as it will be sent.
        apart: Fields that differ from the values of the application.
    """
    body: Any = request.body[0] if isinstance(request.body, list) else request.body
    values = []
    for each in FIELDS[order.service]:
        if each.name in _RECORDED:
            continue
        key = _BODY_NAMES.get(each.name, each.name)
        value = body.get(key)
        values.append(
            SentValue(
                each.name,
                each.label,
                text="" if isinstance(value, dict) else _text(value),
                variables=value if isinstance(value, dict) else {},
                difference=apart.get(each.name),
                sent=key in body,
            )
        )
    return values


def request_json(request: Request) -> str:
    """The body as JSON, with escapes for invisible characters.

    Args:
        request: The request as it will be sent.
    """
    text = json.dumps(request.body, indent=2, ensure_ascii=False)
    return re.sub(INVISIBLE, lambda found: f"\\u{ord(found[0]):04x}", text)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
