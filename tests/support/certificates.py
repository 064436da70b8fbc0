"""A certificate authority for servers that tests start, and the file that makes programs trust it."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme

__all__ = ["Authority"]


class Authority:
    """Issues certificates into a folder.

    Args:
        folder: Where the files go.

    Attributes:
        bundle: The CA bundle that trusts only this authority.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.bundle = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.bundle))

    def certificate(self, *names: str, expired: bool = False) -> Path:
        """A file with a private key and a certificate for these names and addresses."""
        kind = "expired" if expired else "valid"
        path = self._folder / f"{kind}-{'-'.join(names).replace(':', '_')}.pem"
        if not path.exists():
            past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
            issued = self._ca.issue_cert(*names, not_after=past if expired else None)
            issued.private_key_and_cert_chain_pem.write_to_path(str(path))
        return path

    def server_context(self, *names: str) -> ssl.SSLContext:
        """A server context with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate(*names))
        return context
