"""The account's own nodes."""

from __future__ import annotations

import builtins
import os
import re
from pathlib import Path
from typing import IO, Any, Final, overload

from .. import types
from ..request import Request
from ..response import Response
from ..safe_repr import safe_repr
from .confirmation import check_confirmation
from .download import OnProgress, Target, download
from .resource import Resource, path_of

__all__ = ["Nodes"]

#: A number as text, which is sent unchanged.
_DIGITS: Final = re.compile(r"[0-9]{1,100}(\.[0-9]{1,100})?")
_MAX_PRICE: Final = 10**100


class Nodes(Resource):
    """The account's own nodes, which it lends to the network: `client.nodes`."""

    __slots__ = ()

    def list(self, **filters: object) -> Response[builtins.list[types.payloads.Node]]:
        """GET /nodes: the account's own nodes.

        Args:
            filters: Query parameters, passed on unchanged; None is omitted.

        Returns:
            `data` is a list, prices in Wei, sizes in bytes, uptime in seconds::

                [{"id": 9001, "ip": "203.0.113.10", "state": "online", "uptime": 87634,
                  "location": {"city": "Frankfurt", "country": "Germany", …},
                  "prices": {"base": 1000000000000000000, …}, "system": {"gpus": [{…}], …}}, …]

        Raises:
            ValueError: A filter cannot be part of a query string.
            octaspace.Error: Any of `octaspace.errors`.
        """
        return self._get("nodes.list", "nodes", params=filters)

    def find(self, id: int | str) -> Response[types.payloads.NodeDetail]:
        """GET /nodes/:id: one node, in a different envelope than in the list.

        Args:
            id: The node.

        Returns:
            `data` is an object; `octaspace.types.Node.from_api` reads both envelopes::

                {"id": 9001, "state": "online", "location": {"city": "Frankfurt", "isocode": "DE", …},
                 "reliability": {"uptime": 94.55, …}, "features": ["gpu", "nvme", "vpn"],
                 "data": {"cpu_cores": 32, "gpus": [{…}], "memory": {"total_memory": …}, …}}

        Raises:
            ValueError: The id cannot be part of a path.
            octaspace.NotFoundError: There is no such node.
            octaspace.Error: Any other of `octaspace.errors`.
        """
        return self._get("nodes.find", "nodes", id)

    @overload
    def download_ident(
        self, id: int | str, to: None = None, on_progress: OnProgress | None = None
    ) -> Response[bytes]: ...

    @overload
    def download_ident(
        self, id: int | str, to: IO[bytes], on_progress: OnProgress | None = None
    ) -> Response[IO[bytes]]: ...

    @overload
    def download_ident(
        self, id: int | str, to: str | os.PathLike[str], on_progress: OnProgress | None = None
    ) -> Response[Path]: ...

    def download_ident(
        self, id: int | str, to: Target | None = None, on_progress: OnProgress | None = None
    ) -> Response[Any]:
        """GET /nodes/:id/ident: the node's identity file, which is a secret.

        Args:
            id: The node.
            to: A path, or a file opened with ``"wb"``: the body is streamed to disk, and the target is
                written completely or not at all. None keeps it in memory.
            on_progress: Called as ``on_progress(done, total)`` in bytes while data arrives, and about twice
                a second while none does; `total` is None when the API does not send it. An exception that
                it raises ends the download and reaches the caller.

        Returns:
            `data` is the body as `bytes`; with `to`, the path or file it was written to.

        Raises:
            ValueError: The id cannot be part of a path, or `to` is a text file.
            OSError: The target cannot be written.
            octaspace.NotFoundError: There is no such node.
            octaspace.Error: Any other of `octaspace.errors`.
        """
        return download(
            self._sender, "nodes.download_ident", "nodes", id, "ident", to=to, on_progress=on_progress
        )

    @overload
    def download_logs(
        self, id: int | str, to: None = None, on_progress: OnProgress | None = None
    ) -> Response[bytes]: ...

    @overload
    def download_logs(
        self, id: int | str, to: IO[bytes], on_progress: OnProgress | None = None
    ) -> Response[IO[bytes]]: ...

    @overload
    def download_logs(
        self, id: int | str, to: str | os.PathLike[str], on_progress: OnProgress | None = None
    ) -> Response[Path]: ...

    def download_logs(
        self, id: int | str, to: Target | None = None, on_progress: OnProgress | None = None
    ) -> Response[Any]:
        """GET /nodes/:id/logs: the node's log files, as an archive.

        Arguments, result and errors are those of `download_ident`.
        """
        return download(
            self._sender, "nodes.download_logs", "nodes", id, "logs", to=to, on_progress=on_progress
        )

    def update_prices(self, id: int | str, **prices: int | float | str) -> Response[Any]:
        """PATCH /nodes/:id/prices: change the prices. Sent at most once.

        Args:
            id: The node.
            prices: Any of `base` (per hour), `storage` and `traffic` (per GB), `gpu_hour` and `cpu_hour`: a
                number or its digits, sent unchanged. A price that is not given is not changed. The unit
                depends on the currency in which the account sets its prices, and no answer contains it:
                Wei according to the documentation (`octaspace.octa_to_wei` converts to it), cents of
                USD for other accounts. Read `nodes.list()` first and use the same unit.

        Returns:
            `data` is the confirmation, e.g. ``{"id": 9001, "prices": {"base": 2000000000000000000, …}}``;
            None when the answer is empty.

        Raises:
            ValueError: No price is given, or one is negative or not a number.
            octaspace.NotFoundError: There is no such node.
            octaspace.ValidationError: The API rejects a price.
            octaspace.Error: Any other of `octaspace.errors`; check `outcome_unknown`.
        """
        if not prices:
            raise ValueError("no price is given: pass at least one, such as base=octaspace.octa_to_wei(2)")
        for name, value in prices.items():
            _check_price(name, value)
        return self._sender.send(
            Request(
                "PATCH", path_of("nodes", id, "prices"), body=dict(prices), expects="json or nothing",
                operation="nodes.update_prices", check=check_confirmation,
            )
        )  # fmt: skip

    def reboot(self, id: int | str) -> Response[Any]:
        """GET /nodes/:id/reboot: restart the node. A GET with a side effect: sent at most once.

        Args:
            id: The node.

        Returns:
            `data` is the confirmation, e.g. ``{"message": "Reboot requested"}``; None when the answer is
            empty.

        Raises:
            ValueError: The id cannot be part of a path.
            octaspace.NotFoundError: There is no such node.
            octaspace.Error: Any other of `octaspace.errors`; check `outcome_unknown`.
        """
        return self._sender.send(
            Request(
                "GET", path_of("nodes", id, "reboot"), repeatable=False, expects="json or nothing",
                operation="nodes.reboot", check=check_confirmation,
            )
        )  # fmt: skip


def _check_price(name: str, value: object) -> None:
    if isinstance(value, str):
        usable = _DIGITS.fullmatch(value) is not None
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        usable = 0 <= value < _MAX_PRICE  # excludes NaN and infinity
    else:
        usable = False
    if not usable:
        raise ValueError(
            f"{name} must be a number that is not negative, or its digits, "
            f"not {safe_repr(value)} ({type(value).__name__})"
        )
