"""Responses of the app, whose text can always be encoded.

JSON may contain a lone surrogate, as in ``"\\ud800"``, which UTF-8 cannot encode. It comes with an answer of
the API, passes templates and exports, and fails only when the response is encoded. So it is replaced here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeVar, cast

from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.wrappers import Response as WerkzeugResponse

from ..formatting import without_surrogates

__all__ = ["MAX_ADDRESS", "as_attachment", "init_app", "is_from_script"]

_Response = TypeVar("_Response", bound=WerkzeugResponse)

#: Characters that are replaced in file names.
_NOT_IN_NAMES: Final = re.compile(r"[^0-9A-Za-z._-]")

#: Maximum length of a file name, which may contain an id of the API.
_MAX_NAME: Final = 120

#: Maximum length of a redirect's URL. Gunicorn accepts request lines of at most 4094 bytes.
MAX_ADDRESS: Final = 4000


class EncodableResponse(Response):
    """The response class of the app. Views create responses with `current_app.response_class`."""

    def set_data(self, value: bytes | str) -> None:
        """Set the body; text is encoded as UTF-8, with U+FFFD for characters that cannot be encoded."""
        super().set_data(_bytes(value))

    def iter_encoded(self) -> Iterator[bytes]:
        """The body in chunks; text is encoded in the same way."""
        # `self.response` is read now, not at the first chunk: closing the response replaces it.
        return map(_bytes, self.response)


def init_app(app: Flask) -> None:
    """Set the response class, and make URLs and headers encodable."""
    app.response_class = EncodableResponse
    # Without escapes, so that characters that cannot be encoded are replaced in JSON as well.
    cast(DefaultJSONProvider, app.json).ensure_ascii = False
    app.url_defaults(_encodable_values)
    app.after_request(_sendable_headers)
    app.after_request(_short_address)


def is_from_script() -> bool:
    """Whether a script of our pages has sent the request; see ``static/js/request.js``."""
    return request.headers.get("X-Requested-With") == "fetch"


def as_attachment(response: _Response, name: str) -> _Response:
    """Mark a response as a file download.

    Args:
        response: The response; it is modified.
        name: File name. It may contain an id of the API: every character except ASCII letters, digits,
            ``.``, ``_`` and ``-`` becomes ``_``.
    """
    stem, dot, ending = name.rpartition(".")
    plain = _NOT_IN_NAMES.sub("_", stem)[:_MAX_NAME] + dot + _NOT_IN_NAMES.sub("_", ending)
    response.headers["Content-Disposition"] = f'attachment; filename="{plain}"'
    return response


def _bytes(value: Any) -> bytes:
    return without_surrogates(value).encode() if isinstance(value, str) else bytes(value)


def _encodable_values(endpoint: str, values: dict[str, Any]) -> None:
    """Replace lone surrogates in values that `url_for` encodes."""
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = without_surrogates(value)


def _short_address(response: Response) -> Response:
    """Replace a redirect to a URL that is too long to be requested by an error."""
    length = len(response.headers.get("Location", ""))
    if length > MAX_ADDRESS:
        del response.headers["Location"]
        response.status_code = 422
        response.mimetype = "text/plain"
        response.set_data(f"The redirect leads to a URL of {length} characters, which is too long.\n")
    return response


def _sendable_headers(response: Response) -> Response:
    """Replace characters outside Latin-1 in headers: servers fail on them."""
    for name, value in list(response.headers):
        if not value.isascii():
            response.headers[name] = value.encode("latin-1", "replace").decode("latin-1")
    return response
