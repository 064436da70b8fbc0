"""Machines for rent."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import Any

from ... import types
from ...rentals.held_rental import LeaseLostHook
from ...response import Response
from ..resource import Resource
from .app_defaults import app_defaults
from .arguments import Sort, checked_count, checked_envs, checked_ports, checked_text
from .rent import create_session, first_accepting, rental
from .session import Session
from .terms import checked_terms

__all__ = ["MachineRentals"]


class MachineRentals(Resource):
    """Machines for rent: `client.services.mr`."""

    __slots__ = ()

    def list(self, **filters: object) -> Response[builtins.list[types.payloads.MachineOffer]]:
        """GET /services/mr: machines on offer. The account's own rentals are in `client.sessions`.

        Args:
            filters: Query parameters, passed on unchanged; None is omitted.

        Returns:
            `data` is a list; `total_price_usd` in USD per hour, `total_memory` in bytes::

                [{"node_id": 9101, "country": "Germany", "country_iso": "DE", "total_price_usd": 0.43,
                  "gpus": [{"model": "NVIDIA GeForce RTX 5090", "mem_total_mb": 32607}],
                  "reliability": {"uptime": 94.55, …}, "net_down_mbits": 872229553, …}, …]

        Raises:
            ValueError: A filter cannot be part of a query string.
            octaspace.Error: Any of `octaspace.errors`.
        """
        return self._get("services.mr.list", "services", "mr", params=filters, cacheable=True)

    def search(
        self,
        *,
        gpu: str | None = None,
        min_vram_gb: float | None = None,
        country: str | None = None,
        max_price_usd: float | Decimal | None = None,
        min_reliability: float | None = None,
        sort: Sort = "price",
    ) -> builtins.list[types.MachineOffer]:
        """GET /services/mr, filtered by the client: one request, typed offers, cheapest first.

        An offer that lacks a value needed by a filter is omitted.

        Args:
            gpu: Part of a GPU's model name, case-insensitive, e.g. ``"rtx 4090"``.
            min_vram_gb: Memory of one GPU, in GB (1000 MB count as 1 GB, so that a "24 GB" card passes 24).
            country: ISO code or name, case-insensitive.
            max_price_usd: Total price in USD per hour.
            min_reliability: Uptime in percent.
            sort: ``"price"`` (cheapest first), ``"reliability"``, ``"vram"`` or ``"download"`` (best first).

        Raises:
            ValueError: A filter cannot be used.
            octaspace.UnexpectedShapeError: The answer is not a list.
            octaspace.Error: Any of `octaspace.errors`.
        """
        from .search import search_machines  # imported here: it loads the types, which only searches need

        return search_machines(
            types.MachineOffer, "/services/mr", self.list, self._sender.mask,
            gpu=gpu, min_vram_gb=min_vram_gb, country=country,
            max_price_usd=max_price_usd, min_reliability=min_reliability, sort=sort,
        )  # fmt: skip

    def create(
        self,
        *,
        node_id: int,
        disk_size: int | None = None,
        image: str | None = None,
        app: str = "",
        envs: Mapping[str, str] | None = None,
        ports: Iterable[int] | None = None,
        http_ports: Iterable[int] | None = None,
        start_command: str = "",
        entrypoint: str = "",
        organization_id: int | None = None,
        project_id: int | None = None,
        name: str | None = None,
        max_duration: float | None = None,
        deadline: datetime | None = None,
    ) -> Response[types.payloads.MachineCreated]:
        """POST /services/mr: rent a machine. Sent at most once; charges start with it.

        With `app`, each of `disk_size`, `image`, `envs`, `ports` and `http_ports` that is None is taken from
        the app's entry in the catalogue, and so is an empty `start_command`. This takes one more request, a
        GET /apps, unless all five are given.

        Args:
            node_id: The machine, from `list` or `search`.
            disk_size: GB. Required unless the app's entry has it.
            image: Docker image, e.g. ``"ubuntu:24.04"``. Required unless the app's entry has it.
            app: Uuid of an app from `client.apps.list()`; empty for none.
            envs: Environment variables of the container. They replace the app's variables.
            ports: TCP ports to open, 1 to 65535.
            http_ports: Ports to publish under a URL, 1 to 65535.
            start_command: Command to run in the container.
            entrypoint: Replaces the image's entrypoint.
            organization_id: The organization that is billed.
            project_id: The project it belongs to.
            name: A name for the entry in the rental ledger. `create` records only what has a name or a
                deadline, and without a lease: the end of this process does not end it.
            max_duration: With a rental ledger: seconds until a reaper stops it.
            deadline: The same as a time with a time zone.

        Returns:
            `data` is a list of one item, e.g. ``[{"uuid": "5dd2d308-…"}]``; see `client.services.session`.

        Raises:
            ValueError: An argument is invalid or missing, or the app is not in the catalogue; nothing was
                rented.
            octaspace.UnexpectedShapeError: The app's entry in the catalogue lacks a required value or has
                one that cannot be used; nothing was rented.
            octaspace.ConfigurationError: A name or a deadline is given, and there is no rental ledger.
            octaspace.RentalLedgerError: The ledger cannot be written. Without `uuid` nothing was rented.
            octaspace.ProvisionRejectedError: The API answered 2xx and rejected the rental.
            octaspace.Error: Any other of `octaspace.errors`. With `outcome_unknown` the rental may have been
                made: check `client.sessions.list()` before renting again.
        """
        terms = checked_terms(self._sender, name=name, max_duration=max_duration, deadline=deadline)
        inheritable = {
            "disk_size": disk_size, "image": image, "envs": envs, "ports": ports, "http_ports": http_ports,
        }  # fmt: skip
        missing = [name for name, value in inheritable.items() if value is None]
        if not checked_text("app", app):
            missing = []
        item: dict[str, Any] = {
            "id": 0,
            "node_id": checked_count("node_id", node_id),
            "disk_size": None if "disk_size" in missing else checked_count("disk_size", disk_size, "GB"),
            "image": None if "image" in missing else checked_text("image", image, required=True),
            "app": app,
            "envs": checked_envs("envs", envs),
            "ports": checked_ports("ports", ports),
            "http_ports": checked_ports("http_ports", http_ports),
            "start_command": checked_text("start_command", start_command),
            "entrypoint": checked_text("entrypoint", entrypoint),
        }
        if organization_id is not None:
            item["organization_id"] = checked_count("organization_id", organization_id)
        if project_id is not None:
            item["project_id"] = checked_count("project_id", project_id)
        if missing:  # after all checks: a mistake costs no request
            if not start_command:
                missing.append("start_command")
            catalogue = self._get("apps.list", "apps").data  # not from the cache: it decides what is rented
            item.update(app_defaults(catalogue, app, missing, self._sender.mask))
        return create_session(self._sender, "/services/mr", [item], terms)

    def rent(
        self,
        *,
        node_id: int,
        disk_size: int | None = None,
        image: str | None = None,
        app: str = "",
        envs: Mapping[str, str] | None = None,
        ports: Iterable[int] | None = None,
        http_ports: Iterable[int] | None = None,
        start_command: str = "",
        entrypoint: str = "",
        organization_id: int | None = None,
        project_id: int | None = None,
        name: str | None = None,
        max_duration: float | None = None,
        deadline: datetime | None = None,
        on_lease_lost: LeaseLostHook | None = None,
    ) -> AbstractContextManager[Session]:
        """Call `create`, and `stop` at the end of the block, also after an exception::

            with client.services.mr.rent(node_id=9101, disk_size=10, image="ubuntu:24.04") as session:
                session.wait_until_ready()

        A stop that fails is retried a few times. The last failure is raised, or added as a note to the error
        that ended the block. Arguments are those of `create`, and `on_lease_lost`.

        With `Config.rental_ledger` the rental is recorded before it is requested, and a reaper stops it if
        this process ends without doing so; see `octaspace.rentals`. A creation with an unknown outcome is
        then looked for in `client.sessions.list()` for up to the ledger's `reconcile_timeout`: if it was
        made, the block runs, and `Session.recovered` is True; if not, the error has `outcome_unknown` False.

        Args:
            on_lease_lost: Called with the `octaspace.LeaseLostError` as soon as it is known that a reaper has
                ended the rental, in another thread.

        Raises:
            ValueError: An argument is invalid; nothing was sent.
            octaspace.RentalLedgerError: The entry cannot be written, and nothing was rented; or, at the end,
                it could not be closed, and `uuid` names the stopped session.
            octaspace.ProvisionRejectedError: The rental was rejected.
            octaspace.LeaseLostError: At the end of the block: a reaper had ended the rental before.
            octaspace.Error: As `create`, and at the end as `Session.stop`.
        """
        return rental(
            self._sender,
            lambda sender: self._by(sender).create(
                node_id=node_id, disk_size=disk_size, image=image, app=app, envs=envs, ports=ports,
                http_ports=http_ports, start_command=start_command, entrypoint=entrypoint,
                organization_id=organization_id, project_id=project_id,
            ),
            checked_terms(
                self._sender, name=name, max_duration=max_duration, deadline=deadline,
                on_lease_lost=on_lease_lost,
            ),
        )  # fmt: skip

    def rent_any(
        self,
        offers: Iterable[types.MachineOffer | types.payloads.MachineOffer | int],
        *,
        disk_size: int | None = None,
        image: str | None = None,
        app: str = "",
        envs: Mapping[str, str] | None = None,
        ports: Iterable[int] | None = None,
        http_ports: Iterable[int] | None = None,
        start_command: str = "",
        entrypoint: str = "",
        organization_id: int | None = None,
        project_id: int | None = None,
        name: str | None = None,
        max_duration: float | None = None,
        deadline: datetime | None = None,
        on_lease_lost: LeaseLostHook | None = None,
    ) -> AbstractContextManager[Session]:
        """`rent` the first of several offers that accepts::

            offers = client.services.mr.search(gpu="RTX 4090", max_price_usd=0.5)
            with client.services.mr.rent_any(offers[:5], disk_size=10, image="ubuntu:24.04") as session:
                session.wait_until_ready()

        The next offer is tried only after a definite refusal (`ProvisionRejectedError`, 400, 402, 403, 404,
        409, 410, 412, 422, 423), never after an unknown outcome, unless the ledger proves that nothing was
        made. Arguments are those of `rent`, and `offers`; `max_duration` counts from each attempt.

        Args:
            offers: From `search` or `list`, or ids of nodes; tried in this order.

        Raises:
            ValueError: There is no offer, or an argument is invalid; nothing was sent.
            octaspace.ProvisionRejectedError: None was accepted; `rejections` has the reason of each.
            octaspace.Error: As `rent`.
        """
        terms: dict[str, Any] = {
            "name": name, "max_duration": max_duration, "deadline": deadline, "on_lease_lost": on_lease_lost,
        }  # fmt: skip
        checked_terms(self._sender, **terms)
        # An iterator of ports would be empty at the second offer.
        ports = None if ports is None else checked_ports("ports", ports)
        http_ports = None if http_ports is None else checked_ports("http_ports", http_ports)
        return first_accepting(
            offers,
            lambda node_id: self.rent(
                node_id=node_id, disk_size=disk_size, image=image, app=app, envs=envs, ports=ports,
                http_ports=http_ports, start_command=start_command, entrypoint=entrypoint,
                organization_id=organization_id, project_id=project_id, **terms,
            ),
        )  # fmt: skip
