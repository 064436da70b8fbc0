"""Check the answer to a creation: it names a session, or gives the reason for a rejection."""

from __future__ import annotations

from typing import Any

from ...errors import (
    OUTCOME_UNKNOWN_HINT,
    InvalidResponseError,
    ProvisionRejectedError,
    api_message,
    one_line,
    request_id_of,
)
from ...key_mask import KeyMask
from ...request import Request
from ...response import Response
from ..confirmation import UNAVAILABLE
from ..resource import segment_of

__all__ = ["check_creation", "session_uuids"]


def check_creation(response: Response[Any], creation: Request, mask: KeyMask) -> None:
    """Check that the answer to a creation names a session.

    Any 2xx status is then a success (Q17), as a list of items or as one object (Q18).

    Args:
        response: The 2xx answer.
        creation: The request, for messages.
        mask: Masks the key in an answer that an error contains.

    Raises:
        ProvisionRejectedError: An item was rejected (Q2, Q19).
        InvalidResponseError: No session is named and no item was rejected; `outcome_unknown` is True.
    """
    if not _rejections(response) and session_uuids(response):
        return
    path = mask.text(creation.path)
    response = mask.response(response)
    rejections = _rejections(response)
    if rejections:
        reasons = one_line("; ".join(filter(None, map(_reason, rejections))))
        hint = "; the node is temporarily unavailable, another may work" if UNAVAILABLE in reasons else ""
        made = session_uuids(response)
        also = f"; the answer also names a session: {one_line(', '.join(made))}" if made else ""
        raise ProvisionRejectedError(
            f"POST {path}: {response.status}, but the rental was rejected: "
            f"{reasons}{hint}{also}{request_id_of(response)}",
            rejections=rejections,
            response=response,
        )
    raise InvalidResponseError(
        f"POST {path}: {response.status}, but the answer names no session: {one_line(response.text)}"
        f"{OUTCOME_UNKNOWN_HINT}{request_id_of(response)}",
        response=response,
        outcome_unknown=True,
    )


def session_uuids(response: Response[Any]) -> list[str]:
    """Return the uuids of the sessions in the answer to a creation, in its order.

    Args:
        response: The answer.
    """
    return [
        item["uuid"] for item in _items(response) if isinstance(item, dict) and _is_uuid(item.get("uuid"))
    ]


def _rejections(response: Response[Any]) -> list[dict[str, Any]]:
    return [item for item in _items(response) if isinstance(item, dict) and _is_rejection(item)]


def _items(response: Response[Any]) -> list[Any]:
    return response.data if isinstance(response.data, list) else [response.data]


def _is_uuid(value: object) -> bool:
    """Whether it is text that can be a session's uuid in a path."""
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        segment_of(value)
    except ValueError:
        return False
    return True


def _is_rejection(item: dict[str, Any]) -> bool:
    uuid = item.get("uuid")
    if uuid.strip() if isinstance(uuid, str) else uuid:
        return False
    if any(isinstance(value, dict) and value.get("uuid") for value in item.values()):
        return False  # an envelope: a session may have been created
    status = _rejecting_status(item)
    words = any(item.get(name) for name in ("reason", "message", "error"))
    return words or (status > 0 and not 200 <= status < 300)


def _rejecting_status(item: dict[str, Any]) -> float:
    status = item.get("status")
    if isinstance(status, str):
        return int(status) if status.isascii() and status.isdigit() and len(status) < 20 else 0
    return status if isinstance(status, (int, float)) and not isinstance(status, bool) else 0


def _reason(item: dict[str, Any]) -> str:
    return api_message(item) or f"status {item.get('status')}"
