"""TLS contexts: one for each way to trust, and handshakes that no fork catches in the middle.

OpenSSL has locks that all threads share. A child that was forked while another thread held one of them
would wait for it forever, since that thread does not exist in the child. They are held while contexts are
made and certificates are checked, so that happens under a lock of our own, which a fork waits for.

That holds for Python's own `ssl` on Python's own sockets. Where another library has put its context or its
sockets in their place (truststore, pyOpenSSL, gevent, eventlet, mocks), its context is used as it is.
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
from .clock import SYSTEM_CLOCK, Deadline
from .fork import notice_fork, register_after_fork

__all__ = ["TLSContexts"]


class _OpenSSLLock:
    """Held through each step of OpenSSL that takes its locks; never while waiting for the network."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork, after_in_parent=self.__exit__)
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        self._lock = threading.RLock()

    def _before_fork(self) -> None:
        notice_fork()  # a child of a fork in C may have a copy of the lock that nobody there gives back
        self._lock.acquire()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()


_in_openssl: Final = _OpenSSLLock()


class TLSContexts:
    """The contexts of one client. Reading a CA bundle takes longer than many a call, so it is read once."""

    def __init__(self) -> None:
        self._of_bundles: dict[Any, Any] = {}

    def get(self, verify: bool | str) -> Any:
        """The context for a value of `Config.ssl_verify`, or of what the environment says instead.

        Returns:
            A context that all connections can share, or None where urllib3 has to make one for each: another
            library has brought a context that cannot be shared (pyOpenSSL's).

        Raises:
            ConfigurationError: There is no CA bundle at the path, or none that can be read; or `ssl` was
                patched too late for anybody to make a context.
        """
        known = _of_every_client if isinstance(verify, bool) else self._of_bundles
        # Another library may bring a class of its own while the program runs: later clients get it.
        key = verify, getattr(urllib3_ssl, "SSLContext", None)
        if key not in known:
            with _in_openssl:  # also so that all threads get the same one: urllib3 has a pool for each
                if key not in known:
                    bundle = DEFAULT_CA_BUNDLE_PATH if verify is True else verify or None
                    known[key] = _new_context(bundle)
        return known[key]


#: For True and for False, which mean the same to all.
_of_every_client: Final[dict[Any, Any]] = {}


#: Python's own, or None where another library had replaced them before this module was loaded.
_PYTHONS_CONTEXT: Final = ssl.SSLContext if ssl.SSLContext.__module__ == "ssl" else None
#: What every context inherits from that can be shared, whoever made it.
_ANY_CONTEXT: Final = next((kind for kind in ssl.SSLContext.__mro__ if kind.__module__ == "_ssl"), object)
_PYTHONS_WRAP: Final = None if _PYTHONS_CONTEXT is None else _PYTHONS_CONTEXT.wrap_socket
_PYTHONS_SOCKET: Final = socket.socket if socket.socket.__module__ == "socket" else None


def _new_context(bundle: str | None) -> Any:
    """As urllib3 makes one; without a bundle nothing is verified."""
    try:
        context = create_urllib3_context(cert_reqs=ssl.CERT_NONE if bundle is None else ssl.CERT_REQUIRED)
    except RecursionError:  # what gevent and eventlet make of contexts that were imported before
        raise ConfigurationError(
            "no TLS context can be made: the module ssl was patched after urllib3 had been imported; call "
            "monkey.patch_all() or monkey_patch() before any other import"
        ) from None
    if not isinstance(context, _ANY_CONTEXT):
        return None
    if bundle is not None:
        folder = os.path.isdir(bundle)
        try:
            context.load_verify_locations(None if folder else bundle, bundle if folder else None)
        except OSError as error:
            words = error.strerror or str(error)
            raise ConfigurationError(f"the CA bundle at {bundle!r} cannot be used: {words}") from None
    return _SteppingContext(context) if type(context) is _PYTHONS_CONTEXT else context


class _SteppingContext:
    """An `ssl.SSLContext` whose handshakes go step by step; everything else is the context's own.

    Args:
        context: One of Python's own class.
    """

    _context: ssl.SSLContext

    def __init__(self, context: ssl.SSLContext) -> None:
        object.__setattr__(self, "_context", context)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._context, name, value)

    def wrap_socket(self, sock: Any, **kwargs: Any) -> Any:
        """As `ssl.SSLContext.wrap_socket` of a connected client socket, within the socket's timeout."""
        if (
            _PYTHONS_SOCKET is None
            or not isinstance(sock, _PYTHONS_SOCKET)
            or type(self._context).wrap_socket is not _PYTHONS_WRAP
            or not _is_connected(sock)
        ):
            return self._context.wrap_socket(sock, **kwargs)
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
    """Socket-level mocks hand over a socket that leads nowhere; the context does no handshake on it."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


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
