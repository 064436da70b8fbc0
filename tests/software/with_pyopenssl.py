"""pyOpenSSL in the place of `ssl`, injected into urllib3."""

# /// script
# dependencies = ["pyopenssl"]
# ///

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_server import answer, echo, http, raw, stall
from tests.wire.conftest import ServerFactory

from .programs import ANSWERS, CALLS, IMPORT, REFUSED, run

INJECT = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
import urllib3.contrib.pyopenssl, urllib3.util.ssl_
urllib3.contrib.pyopenssl.inject_into_urllib3()
assert urllib3.util.ssl_.IS_PYOPENSSL
"""
TIMED = """
client = octaspace.Client("sk", base_url=sys.argv[1], ssl_verify=sys.argv[2], max_retries=0,
                          open_timeout=float(sys.argv[3]), read_timeout=float(sys.argv[4]))
try:
    client.network.info()
except octaspace.TimeoutError as error:
    print(json.dumps(error.phase))
"""

orders = pytest.mark.parametrize(
    "order", [[INJECT, IMPORT], [IMPORT, INJECT]], ids=["injected-first", "injected-late"]
)


@orders
def test_calls(
    serve: ServerFactory, tls: ssl.SSLContext, authority: tuple[Any, Path], order: list[str]
) -> None:
    server = serve(after=echo, tls=tls)
    assert run(*order, CALLS, arguments=(server.url, str(authority[1]))) == ANSWERS
    assert [arrival.connection for arrival in server.journal] == [1, 2, 3, 4, 4, 4]


@orders
def test_a_certificate_that_nobody_trusts_is_refused(
    serve: ServerFactory, tls: ssl.SSLContext, order: list[str]
) -> None:
    server = serve(after=answer([]), tls=tls)
    assert "certificate verify failed" in run(*order, REFUSED, arguments=(server.url,))
    assert server.journal == []


@pytest.mark.parametrize(
    ("handshake", "limits", "phase"), [(False, ("0.2", "60"), "open"), (True, ("60", "0.2"), "read")]
)
def test_limits(
    serve: ServerFactory, tls: ssl.SSLContext, authority: tuple[Any, Path],
    handshake: bool, limits: tuple[str, str], phase: str,
) -> None:  # fmt: skip
    server = serve(after=stall, tls=tls, handshake=handshake)
    arguments = (server.url, str(authority[1]), *limits)
    assert run(INJECT, IMPORT, TIMED, arguments=arguments) == phase


SURPLUS = """
with octaspace.Client("sk", base_url=sys.argv[1], keep_alive=True, ssl_verify=sys.argv[2]) as client:
    calls = [client.send(octaspace.Request("POST", "/x")).data for _ in range(3)]
print(json.dumps([len(calls[0]), *(call["connection"] for call in calls[1:])]))
"""


def test_bytes_after_the_answer_are_not_the_next_answer(
    serve: ServerFactory, tls: ssl.SSLContext, authority: tuple[Any, Path]
) -> None:
    # The head and the body fill the buffer of the answer's file, so the rest of the record stays in OpenSSL.
    first = http(200, b'"%s"' % (b"x" * 8113))
    assert len(first) == 8192
    server = serve(raw(first + http(200, b'"crossed"'), then="keep"), after=echo, tls=tls)
    assert run(INJECT, IMPORT, SURPLUS, arguments=(server.url, str(authority[1]))) == [8113, 2, 2]
