"""Render nodes for rent."""

from __future__ import annotations

import builtins
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ... import types
from ...rentals.held_rental import LeaseLostHook
from ...response import Response
from ...safe_repr import safe_repr
from ..resource import Resource
from .arguments import Sort, checked_count, checked_envs, refuse_unknown
from .rent import create_session, rental
from .session import Session
from .terms import checked_terms

__all__ = ["RenderNodes"]

#: The API's name is not a valid Python name.
_MULTI_GPU: Final = "multi-gpu-worker"
_OPTIONS: Final = ("envs", "multi_gpu_worker")


class RenderNodes(Resource):
    """Render nodes for rent: `client.services.render`."""

    __slots__ = ()

    def list(self, **filters: object) -> Response[builtins.list[types.payloads.MachineOffer]]:
        """GET /services/render: render nodes on offer. The account's own sessions are in `client.sessions`.

        Args:
            filters: Query parameters, passed on unchanged; None is omitted.

        Returns:
            `data` is a list in the shape of `client.services.mr.list()`::

                [{"node_id": 9121, "country": "Japan", "blender_score": 900, "total_price_usd": 1.2,
                  "gpus": [{"model": "NVIDIA H100 80GB HBM3", "mem_total_mb": 81559}], …}, …]

        Raises:
            ValueError: A filter cannot be part of a query string.
            octaspace.Error: Any of `octaspace.errors`.
        """
        return self._get("services.render.list", "services", "render", params=filters, cacheable=True)

    def search(
        self,
        *,
        gpu: str | None = None,
        min_vram_gb: float | None = None,
        country: str | None = None,
        max_price_usd: float | Decimal | None = None,
        min_reliability: float | None = None,
        sort: Sort = "price",
    ) -> builtins.list[types.RenderOffer]:
        """GET /services/render, filtered by the client; see `MachineRentals.search`."""
        from .search import search_machines  # imported here: it loads the types, which only searches need

        return search_machines(
            types.RenderOffer, "/services/render", self.list, self._sender.mask,
            gpu=gpu, min_vram_gb=min_vram_gb, country=country,
            max_price_usd=max_price_usd, min_reliability=min_reliability, sort=sort,
        )  # fmt: skip

    def create(
        self,
        *,
        node_id: int,
        disk_size: int,
        name: str | None = None,
        max_duration: float | None = None,
        deadline: datetime | None = None,
        **options: Any,
    ) -> Response[types.payloads.Created]:
        """POST /services/render: start a render session. Sent at most once; charges start with it.

        Args:
            node_id: The node, from `list` or `search`.
            disk_size: GB.
            name: A name for the entry in the rental ledger; see `MachineRentals.create`.
            max_duration: With a rental ledger: seconds until a reaper stops it.
            deadline: The same as a time with a time zone.
            options: `envs` (environment variables), `multi_gpu_worker` (True for one worker per GPU; the
                API's own spelling ``"multi-gpu-worker"`` is also accepted). None is omitted.

        Returns:
            `data` is ``{"uuid": "5dd2d308-…"}``; see `client.services.session`.

        Raises:
            ValueError: An argument is unknown or invalid; nothing was sent.
            octaspace.ConfigurationError: A name or a deadline is given, and there is no rental ledger.
            octaspace.RentalLedgerError: The ledger cannot be written. Without `uuid` nothing was rented.
            octaspace.ProvisionRejectedError: The API answered 2xx and rejected the session.
            octaspace.Error: Any other of `octaspace.errors`. With `outcome_unknown` the session may have been
                created: check `client.sessions.list()` before starting another.
        """
        options = {
            "multi_gpu_worker" if name == _MULTI_GPU else name: value for name, value in options.items()
        }
        refuse_unknown(options, _OPTIONS)
        terms = checked_terms(self._sender, name=name, max_duration=max_duration, deadline=deadline)
        body: dict[str, Any] = {
            "node_id": checked_count("node_id", node_id),
            "disk_size": checked_count("disk_size", disk_size, "GB"),
        }
        if options.get("envs") is not None:
            body["envs"] = checked_envs("envs", options["envs"])
        multi_gpu = options.get("multi_gpu_worker")
        if multi_gpu is not None:
            if not isinstance(multi_gpu, bool):
                raise ValueError(f"multi_gpu_worker must be True or False, not {safe_repr(multi_gpu)}")
            body[_MULTI_GPU] = multi_gpu
        return create_session(self._sender, "/services/render", body, terms)

    def rent(
        self,
        *,
        node_id: int,
        disk_size: int,
        name: str | None = None,
        max_duration: float | None = None,
        deadline: datetime | None = None,
        on_lease_lost: LeaseLostHook | None = None,
        **options: Any,
    ) -> AbstractContextManager[Session]:
        """Call `create`, and `stop` at the end of the block; see `MachineRentals.rent`.

        Arguments are those of `create`, and `on_lease_lost`.
        """
        return rental(
            self._sender,
            lambda sender: self._by(sender).create(node_id=node_id, disk_size=disk_size, **options),
            checked_terms(
                self._sender, name=name, max_duration=max_duration, deadline=deadline,
                on_lease_lost=on_lease_lost,
            ),
        )  # fmt: skip
