"""Errors of the simulated API."""

from __future__ import annotations

from typing import Any


class ProblemError(Exception):
    """An answer with an error status: `status` and the JSON object that goes with it."""

    def __init__(self, status: int, **body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def not_found(what: str) -> ProblemError:
    """A 404 as the API words it."""
    return ProblemError(404, error="not found", message=f"{what} not found")


def invalid(message: str, code: str = "invalid_parameter") -> ProblemError:
    """A 422 as the API words it: a `message` and a `code`, without `error`."""
    return ProblemError(422, message=message, code=code)


def make_nonconforming_body(problem: ProblemError, turn: int) -> Any:
    """The same error in one of the loose shapes of the live API (Q16, Q30), a different one each `turn`."""
    text = str(problem.body.get("message") or problem.body.get("error") or "failed")
    shapes: tuple[Any, ...] = (
        {"error": {"message": text}},
        {"message": [text, "see the documentation"]},
        {"errors": {"base": [text]}},
        {"error": text, "message": {"text": text}},
        None,
        {"detail": text},
        {"type": "about:blank", "title": "Refused", "status": problem.status, "detail": text},
    )
    return shapes[turn % len(shapes)]
