"""Signals of the calls an app makes. The sender is the app, so several apps in a process can be told apart::

    @octaspace_error.connect_via(app)
    def count(sender, client, request, error, **extra):
        metrics.increment(f"octaspace.{type(error).__name__}")

Receivers run in the thread of the call. What a receiver raises reaches the caller untouched; when it
is a receiver of `octaspace_request`, nothing has been sent. Take `**extra`: later versions may send
more.
"""

from __future__ import annotations

from typing import Final

from blinker import NamedSignal, Namespace

__all__ = ["octaspace_error", "octaspace_request", "octaspace_response"]

_signals: Final = Namespace()

#: Before a call is sent, once however often it is attempted. Arguments: `client` (`octaspace.Client`),
#: `request` (`octaspace.Request`).
octaspace_request: Final[NamedSignal] = _signals.signal("octaspace-request")

#: After the final HTTP answer of a call, error statuses included. Arguments: `client`, `request`,
#: `response` (`octaspace.Response`).
octaspace_response: Final[NamedSignal] = _signals.signal("octaspace-response")

#: After a call that ends in an `octaspace.Error`; when the API answered, after `octaspace_response`.
#: Arguments: `client`, `request`, `error`. A rental refused inside an HTTP 200 is a response: its
#: `ProvisionRejectedError` arises when the answer is read.
octaspace_error: Final[NamedSignal] = _signals.signal("octaspace-error")
