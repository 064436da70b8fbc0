"""Signals for the calls of an app. The sender is the app, which identifies it among several in a process::

    @octaspace_error.connect_via(app)
    def count(sender, client, request, error, **extra):
        metrics.increment(f"octaspace.{type(error).__name__}")

Receivers run in the thread of the call. What a receiver raises is logged once and does not fail the call, and
the receivers after it are skipped; to refuse a call, raise in the option `on_request`. The API key is masked
in all arguments except `client`. Accept `**extra`: later versions may send more arguments.
"""

from __future__ import annotations

from typing import Final

from blinker import NamedSignal, Namespace

__all__ = ["octaspace_error", "octaspace_request", "octaspace_response"]

_signals: Final = Namespace()

#: Before a call is sent; once per call, regardless of the number of attempts. Arguments: `client`
#: (`octaspace.Client`), `request` (`octaspace.Request`).
octaspace_request: Final[NamedSignal] = _signals.signal("octaspace-request")

#: After the final HTTP answer of a call, error statuses included. Arguments: `client`, `request`,
#: `response` (`octaspace.Response`).
octaspace_response: Final[NamedSignal] = _signals.signal("octaspace-response")

#: After a call that ends in an `octaspace.Error`; when the API answered, after `octaspace_response`.
#: Arguments: `client`, `request`, `error`.
octaspace_error: Final[NamedSignal] = _signals.signal("octaspace-error")
