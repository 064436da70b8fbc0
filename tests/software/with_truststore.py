"""truststore: the certificates of the system, for everything in the process that uses `ssl`."""

# /// script
# dependencies = ["truststore"]
# ///

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_server import answer, echo
from tests.wire.conftest import ServerFactory

from .programs import ANSWERS, CALLS, IMPORT, REFUSED, run

INJECT = "import truststore; truststore.inject_into_ssl()"
EARLIER_CLIENT = """
earlier = octaspace.Client("sk", base_url=sys.argv[1], max_retries=0)
try:
    earlier.network.info()
except octaspace.ConnectionError:
    earlier.close()
"""
orders = pytest.mark.parametrize(
    "order", [[INJECT, IMPORT], [IMPORT, INJECT]], ids=["injected-first", "injected-late"]
)


@orders
def test_the_certificates_of_the_system_count(
    serve: ServerFactory, tls: ssl.SSLContext, authority: tuple[Any, Path], order: list[str]
) -> None:
    server = serve(after=echo, tls=tls)
    # The variable is where OpenSSL looks for the system's certificates.
    assert run(*order, CALLS, arguments=(server.url,), SSL_CERT_FILE=str(authority[1])) == ANSWERS


@orders
def test_a_bundle_of_ones_own_counts(
    serve: ServerFactory, tls: ssl.SSLContext, authority: tuple[Any, Path], order: list[str]
) -> None:
    server = serve(after=echo, tls=tls)
    assert run(*order, CALLS, arguments=(server.url, str(authority[1]))) == ANSWERS


def test_injected_after_a_client_was_used(
    serve: ServerFactory, tls: ssl.SSLContext, authority: tuple[Any, Path]
) -> None:
    server = serve(after=echo, tls=tls)
    program = [IMPORT, EARLIER_CLIENT, INJECT, CALLS]
    assert run(*program, arguments=(server.url, str(authority[1]))) == ANSWERS


@orders
def test_a_certificate_that_nobody_trusts_is_refused(
    serve: ServerFactory, tls: ssl.SSLContext, order: list[str]
) -> None:
    server = serve(after=answer([]), tls=tls)
    said = run(*order, REFUSED, arguments=(server.url,))
    assert "certificate verify failed" in said
    assert server.journal == []
