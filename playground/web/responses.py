"""Answers of the app: what is text in them can always be sent.

JSON may hold half of a surrogate pair, as in ``"\\ud800"``, and UTF-8 has no form for it. It comes with an
answer of the API, goes through templates and exports unharmed, and fails where the text becomes bytes: here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeVar, cast

from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from werkzeug.wrappers import Response as WerkzeugResponse

from ..formatting import without_surrogates

__all__ = ["MAX_ADDRESS", "as_attachment", "init_app"]

_Response = TypeVar("_Response", bound=WerkzeugResponse)

#: Characters that are not in a file name of ours.
_NOT_IN_NAMES: Final = re.compile(r"[^0-9A-Za-z._-]")

#: Characters of a file name, of which some may be an id of the API.
_MAX_NAME: Final = 120

#: Characters of an address that a redirect leads to. Gunicorn takes no longer line than 4094.
MAX_ADDRESS: Final = 4000


class EncodableResponse(Response):
    """Every answer of the app; a view that makes one by hand does so with `current_app.response_class`."""

    def set_data(self, value: bytes | str) -> None:
        """Set the body; text is encoded as UTF-8, with U+FFFD in place of what has no form there."""
        super().set_data(_bytes(value))

    def iter_encoded(self) -> Iterator[bytes]:
        """The body in pieces, of which those that are text are encoded in the same way."""
        # The pieces are looked up at once, not when the first one is asked for: closing replaces them.
        return map(_bytes, self.response)


def init_app(app: Flask) -> None:
    """Make it the class of all answers, and look over what becomes addresses and headers."""
    app.response_class = EncodableResponse
    # As characters, not as escapes: what has no form in UTF-8 is replaced in JSON as well.
    cast(DefaultJSONProvider, app.json).ensure_ascii = False
    app.url_defaults(_encodable_values)
    app.after_request(_sendable_headers)
    app.after_request(_short_address)


def as_attachment(response: _Response, name: str) -> _Response:
    """Have the browser save an answer as a file.

    Args:
        response: The answer, which is changed.
        name: Name of the file. It may have an id of the API in it: every character but ASCII letters, digits,
            ``.``, ``_`` and ``-`` becomes ``_``.
    """
    stem, dot, ending = name.rpartition(".")
    plain = _NOT_IN_NAMES.sub("_", stem)[:_MAX_NAME] + dot + _NOT_IN_NAMES.sub("_", ending)
    response.headers["Content-Disposition"] = f'attachment; filename="{plain}"'
    return response


def _bytes(value: Any) -> bytes:
    return without_surrogates(value).encode() if isinstance(value, str) else bytes(value)


def _encodable_values(endpoint: str, values: dict[str, Any]) -> None:
    """`url_for` encodes what it is given: an id, a filter, a token."""
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = without_surrogates(value)


def _short_address(response: Response) -> Response:
    """Say that a redirect leads to an address that nobody could ask for, instead of leading there."""
    length = len(response.headers.get("Location", ""))
    if length > MAX_ADDRESS:
        del response.headers["Location"]
        response.status_code = 422
        response.mimetype = "text/plain"
        response.set_data(f"This leads to an address of {length} characters, which is too long.\n")
    return response


def _sendable_headers(response: Response) -> Response:
    """Replace what a header cannot carry: servers send Latin-1, and end the request at anything else."""
    for name, value in list(response.headers):
        if not value.isascii():
            response.headers[name] = value.encode("latin-1", "replace").decode("latin-1")
    return response
