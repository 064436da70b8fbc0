"""TLS contexts, one per value of `ssl_verify`, and handshakes that are safe from forks.

OpenSSL has locks that all threads share. A child that is forked while another thread holds one would wait for
it forever, since that thread does not exist in the child. They are held while contexts are created and
certificates are checked, so that happens under our own lock, which a fork waits for.

This applies to the standard library's `ssl` and sockets. If another library has replaced them (truststore,
pyOpenSSL, gevent, eventlet, mocks), its context is used as it is.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from typing import Any, Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util import ssl_ as urllib3_ssl
from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.wait import wait_for_read, wait_for_write

from ..errors import ConfigurationError
from ..fork import notice_fork, register_after_fork
from .clock import SYSTEM_CLOCK, Deadline
from .trace import Stage, current_trace

__all__ = ["TLSContexts"]


class _OpenSSLLock:
    """Held during each step of OpenSSL that takes its locks; never while waiting for the network."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork, after_in_parent=self.__exit__)
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        self._lock = threading.RLock()

    def _before_fork(self) -> None:
        notice_fork()  # after a fork in C, the child's copy of the lock may be held by a missing thread
        self._lock.acquire()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()


_openssl_lock: Final = _OpenSSLLock()


class TLSContexts:
    """The contexts of one client. A CA bundle is read once, because that takes longer than many calls."""

    def __init__(self) -> None:
        self._by_bundle: dict[Any, Any] = {}

    def get(self, verify: bool | str) -> Any:
        """The context for a value of `Config.ssl_verify`, or for the CA bundle of the environment.

        Returns:
            A context that all connections can share, or None if urllib3 has to create one per connection,
            because another library has provided a context that cannot be shared (pyOpenSSL's).

        Raises:
            ConfigurationError: The CA bundle is missing or unreadable; or `ssl` was patched too late.
        """
        known = _shared_contexts if isinstance(verify, bool) else self._by_bundle
        # Another library may replace the class while the program runs: later clients use it.
        key = verify, getattr(urllib3_ssl, "SSLContext", None)
        if key not in known:
            with _openssl_lock:  # also so that all threads share a context: urllib3 has a pool for each
                if key not in known:
                    bundle = DEFAULT_CA_BUNDLE_PATH if verify is True else verify or None
                    known[key] = _new_context(bundle)
        return known[key]


#: For True and for False, which mean the same for every client.
_shared_contexts: Final[dict[Any, Any]] = {}


#: The standard library's, or None if another library had replaced it before this import.
_STDLIB_CONTEXT: Final = ssl.SSLContext if ssl.SSLContext.__module__ == "ssl" else None
#: Base class of every context that can be shared.
_ANY_CONTEXT: Final = next((kind for kind in ssl.SSLContext.__mro__ if kind.__module__ == "_ssl"), object)
_STDLIB_WRAP: Final = None if _STDLIB_CONTEXT is None else _STDLIB_CONTEXT.wrap_socket
_STDLIB_SOCKET: Final = socket.socket if socket.socket.__module__ == "socket" else None


def _new_context(bundle: str | None) -> Any:
    """Create a context as urllib3 does; without a bundle it verifies nothing."""
    try:
        context = create_urllib3_context(cert_reqs=ssl.CERT_NONE if bundle is None else ssl.CERT_REQUIRED)
    except RecursionError:  # gevent and eventlet, patched after the import of ssl
        raise ConfigurationError(
            "no TLS context can be created: the module ssl was patched after urllib3 was imported; call "
            "monkey.patch_all() or monkey_patch() before any other import"
        ) from None
    if not isinstance(context, _ANY_CONTEXT):
        return None
    if bundle is not None:
        folder = os.path.isdir(bundle)
        try:
            context.load_verify_locations(None if folder else bundle, bundle if folder else None)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigurationError(f"the CA bundle at {bundle!r} cannot be used: {reason}") from None
    return _StepwiseContext(context) if type(context) is _STDLIB_CONTEXT else context


class _StepwiseContext:
    """An `ssl.SSLContext` with stepwise handshakes; everything else is delegated to the context.

    Args:
        context: An instance of the standard library's class.
    """

    _context: ssl.SSLContext

    def __init__(self, context: ssl.SSLContext) -> None:
        object.__setattr__(self, "_context", context)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._context, name, value)

    def wrap_socket(self, sock: Any, **kwargs: Any) -> Any:
        """Like `ssl.SSLContext.wrap_socket` for a connected client socket, within the socket's timeout."""
        if (
            _STDLIB_SOCKET is None
            or not isinstance(sock, _STDLIB_SOCKET)
            or type(self._context).wrap_socket is not _STDLIB_WRAP
            or not _is_connected(sock)
        ):
            return self._context.wrap_socket(sock, **kwargs)
        trace = current_trace.get(None)
        # After the exchange with a proxy, the timeout of the socket is that of its last wait.
        if trace is not None and trace.stage is Stage.OPENING:
            limit = trace.next_opening_wait()
        else:
            limit = sock.gettimeout()
        deadline = Deadline(SYSTEM_CLOCK, limit)
        wrapped = self._context.wrap_socket(sock, **{**kwargs, "do_handshake_on_connect": False})
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


def _is_connected(sock: socket.socket) -> bool:
    """Whether the socket is connected. That of a mock is not; the context does no handshake on it."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _step(sock: ssl.SSLSocket) -> Any:
    """Continue a handshake with the data received so far; return the function to wait with, or None."""
    try:
        with _openssl_lock:
            sock.do_handshake()
    except ssl.SSLWantReadError:
        return wait_for_read
    except ssl.SSLWantWriteError:
        return wait_for_write
    return None
