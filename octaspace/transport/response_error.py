"""The error of a response."""

from __future__ import annotations

from typing import Any

from ..errors import OUTCOME_UNKNOWN_HINT, ApiError, InvalidResponseError, api_error, request_id_of
from ..key_mask import KeyMask
from ..request import Request
from ..response import Response
from .failures import Answer
from .messages import unexpected_body

__all__ = ["is_acceptable", "response_error"]


def is_acceptable(response: Response[Any], answer: Answer, request: Request) -> bool:
    """Whether a response is a 2xx with the body that the request expects.

    Args:
        response: The response.
        answer: The answer it was created from.
        request: The request.
    """
    return response.ok and answer.problem is None and unexpected_body(response, request) is None


def response_error(
    response: Response[Any], answer: Answer, request: Request, mask: KeyMask
) -> ApiError | None:
    """The error of a response, or None. The status decides first; the body matters for a 2xx only.

    Args:
        response: The response.
        answer: The answer it was created from.
        request: The request.
        mask: Masks the key, which the server may repeat.
    """
    if not response.ok:
        return api_error(
            mask.response(response), method=request.method, path=request.path,
            repeatable=bool(request.repeatable),
        )  # fmt: skip
    if is_acceptable(response, answer, request):
        return None
    # Mask before taking an excerpt: a part of the key would not be found.
    response = mask.response(response)
    problem = answer.problem or unexpected_body(response, request)
    unknown = not request.repeatable
    return InvalidResponseError(
        f"{request.method} {request.path}: {response.status}, but {problem}"
        f"{OUTCOME_UNKNOWN_HINT if unknown else ''}{request_id_of(response)}",
        response=response,
        outcome_unknown=unknown,
        option=answer.option,
    )
