"""Signals for the calls of an app. The sender is the app, which identifies it among several in a process::

    @octaspace_error.connect_via(app)
    def count(sender, client, request, error, **extra):
        metrics.increment(f"octaspace.{type(error).__name__}")

Receivers run in the thread of the call. An exception of a receiver is passed to the caller unchanged; if it
is raised by a receiver of `octaspace_request`, nothing is sent. Accept `**extra`: later versions may send
more arguments.
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
#: Arguments: `client`, `request`, `error`. A rental that is rejected inside an HTTP 200 is a
#: response: its `ProvisionRejectedError` is raised later, when the answer is read.
octaspace_error: Final[NamedSignal] = _signals.signal("octaspace-error")
