"""TLS contexts: one for each way to trust, and handshakes that no fork catches in the middle.

OpenSSL has locks that all threads share. A child that was forked while another thread held one of them
would wait for it for ever, since that thread does not exist in the child. They are held while contexts are
made and certificates are checked, so that happens under a lock of our own, which a fork waits for.
"""

from __future__ import annotations

import os
import ssl
import threading
from functools import cache
from typing import Any, Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.wait import wait_for_read, wait_for_write

from ..errors import ConfigurationError
from .clock import SYSTEM_CLOCK, Deadline

__all__ = ["TLSContexts"]

#: Held through each step of OpenSSL that takes its locks; never while waiting for the network.
_in_openssl: Final = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_in_openssl.acquire, after_in_parent=_in_openssl.release, after_in_child=_in_openssl.release
    )


class TLSContexts:
    """The contexts of one client. Reading a CA bundle takes longer than many a call, so it is read once."""

    def __init__(self) -> None:
        self._of_bundles: dict[str, ssl.SSLContext] = {}

    def get(self, verify: bool | str) -> ssl.SSLContext:
        """The context for a value of `Config.ssl_verify`, or of what the environment says instead.

        Raises:
            ConfigurationError: There is no CA bundle at the path, or none that can be read.
        """
        known: dict[Any, ssl.SSLContext] = _of_every_client if isinstance(verify, bool) else self._of_bundles
        context = known.get(verify)
        if context is None:
            with _in_openssl:  # also so that all threads get the same one: urllib3 has a pool for each
                context = known.get(verify)
                if context is None:
                    bundle = DEFAULT_CA_BUNDLE_PATH if verify is True else verify or None
                    context = known[verify] = _new_context(bundle)
        return context


#: For True and for False, which mean the same to all.
_of_every_client: Final[dict[Any, ssl.SSLContext]] = {}


def _new_context(bundle: str | None) -> ssl.SSLContext:
    """As urllib3 makes one; without a bundle nothing is verified."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_NONE if bundle is None else ssl.CERT_REQUIRED)
    if bundle is not None:
        folder = os.path.isdir(bundle)
        try:
            context.load_verify_locations(None if folder else bundle, bundle if folder else None)
        except OSError as error:
            words = error.strerror or str(error)
            raise ConfigurationError(f"the CA bundle at {bundle!r} cannot be used: {words}") from None
    context.__class__ = _stepping(type(context))  # type: ignore[arg-type]
    return context


@cache
def _stepping(kind: Any) -> Any:
    """The class of a context (gevent has its own), with handshakes that go step by step."""

    class SteppingContext(kind):  # type: ignore[misc]
        def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> Any:
            """As `ssl.SSLContext.wrap_socket` of a connected client socket, within the socket's timeout."""
            limit = sock.gettimeout()
            deadline = Deadline(SYSTEM_CLOCK, limit)
            wrapped = super().wrap_socket(sock, *args, do_handshake_on_connect=False, **kwargs)
            try:
                wrapped.settimeout(0)
                while (wait := _step(wrapped)) is not None:
                    if deadline.expired or not wait(wrapped, deadline.remaining()):
                        raise TimeoutError("The handshake operation timed out")
                wrapped.settimeout(limit)
            except BaseException:
                wrapped.close()
                raise
            return wrapped

    return SteppingContext


def _step(sock: ssl.SSLSocket) -> Any:
    """Go on with a handshake as far as what has come in goes; returns what to wait for, or None."""
    try:
        with _in_openssl:
            sock.do_handshake()
    except ssl.SSLWantReadError:
        return wait_for_read
    except ssl.SSLWantWriteError:
        return wait_for_write
    return None
