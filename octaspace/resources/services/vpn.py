"""VPN relays for rent."""

from __future__ import annotations

import builtins
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import Final

from ... import types
from ...rentals.held_rental import LeaseLostHook
from ...response import Response
from ...safe_repr import safe_repr
from ..resource import Resource
from .arguments import RelaySort, checked_choice, checked_count
from .rent import create_session, rental
from .session import Session
from .terms import checked_terms

__all__ = ["VpnRelays"]

_SUBKINDS: Final = ("wg", "openvpn", "ss", "v2ray", "http_proxy")
_PROTOCOLS: Final = ("trojan", "vmess", "vless")


class VpnRelays(Resource):
    """VPN relays for rent: `client.services.vpn`."""

    __slots__ = ()

    def list(self, **filters: object) -> Response[builtins.list[types.payloads.VpnRelay]]:
        """GET /services/vpn: relays on offer. The account's own sessions are in `client.sessions`.

        Args:
            filters: Query parameters, passed on unchanged; None is omitted.

        Returns:
            `data` is a list; prices per GB::

                [{"node_id": 9301, "country": "Germany", "country_iso": "DE", "city": "Frankfurt",
                  "residential": true, "net_down_mbits": 570, "traffic_price_usd": 0.040753, …}, …]

        Raises:
            ValueError: A filter cannot be part of a query string.
            octaspace.Error: Any of `octaspace.errors`.
        """
        return self._get("services.vpn.list", "services", "vpn", params=filters, cacheable=True)

    def search(
        self,
        *,
        country: str | None = None,
        residential: bool | None = None,
        max_price_usd: float | Decimal | None = None,
        sort: RelaySort = "price",
    ) -> builtins.list[types.VpnRelay]:
        """GET /services/vpn, filtered by the client: one request, typed relays, cheapest first.

        A relay that lacks a value needed by a filter is omitted.

        Args:
            country: ISO code or name, case-insensitive.
            residential: True for relays in homes, False for those in data centres.
            max_price_usd: USD per GB.
            sort: ``"price"`` (cheapest first) or ``"download"`` (fastest first).

        Raises:
            ValueError: A filter cannot be used.
            octaspace.UnexpectedShapeError: The answer is not a list.
            octaspace.Error: Any of `octaspace.errors`.
        """
        from .search import search_relays  # imported here: it loads the types, which only searches need

        return search_relays(
            "/services/vpn", self.list, self._sender.mask,
            country=country, residential=residential, max_price_usd=max_price_usd, sort=sort,
        )  # fmt: skip

    def create(
        self,
        *,
        node_id: int,
        subkind: str = "wg",
        protocol: str | None = None,
        name: str | None = None,
        max_duration: float | None = None,
        deadline: datetime | None = None,
    ) -> Response[types.payloads.Created]:
        """POST /services/vpn: start a VPN session. Sent at most once; charges start with it.

        Args:
            node_id: The relay, from `list` or `search`.
            subkind: ``"wg"``, ``"openvpn"``, ``"ss"``, ``"v2ray"`` or ``"http_proxy"``.
            protocol: For v2ray only: ``"trojan"``, ``"vmess"`` or ``"vless"``.
            name: A name for the entry in the rental ledger; see `MachineRentals.create`.
            max_duration: With a rental ledger: seconds until a reaper stops it.
            deadline: The same as a time with a time zone.

        Returns:
            `data` is ``{"uuid": "5dd2d308-…"}``; the configuration is in `session(uuid).info()`.

        Raises:
            ValueError: An argument is invalid; nothing was sent.
            octaspace.ConfigurationError: A name or a deadline is given, and there is no rental ledger.
            octaspace.RentalLedgerError: The ledger cannot be written. Without `uuid` nothing was rented.
            octaspace.ProvisionRejectedError: The API answered 2xx and rejected the session.
            octaspace.Error: Any other of `octaspace.errors`. With `outcome_unknown` the session may have been
                created: check `client.sessions.list()` before starting another.
        """
        terms = checked_terms(self._sender, name=name, max_duration=max_duration, deadline=deadline)
        body: dict[str, object] = {
            "node_id": checked_count("node_id", node_id),
            "subkind": checked_choice("subkind", subkind, _SUBKINDS),
        }
        if protocol is not None:
            if subkind != "v2ray":
                raise ValueError(f"protocol is for subkind 'v2ray' only, not for {safe_repr(subkind)}")
            body["protocol"] = checked_choice("protocol", protocol, _PROTOCOLS)
        return create_session(self._sender, "/services/vpn", body, terms)

    def rent(
        self,
        *,
        node_id: int,
        subkind: str = "wg",
        protocol: str | None = None,
        name: str | None = None,
        max_duration: float | None = None,
        deadline: datetime | None = None,
        on_lease_lost: LeaseLostHook | None = None,
    ) -> AbstractContextManager[Session]:
        """Call `create`, and `stop` at the end of the block; see `MachineRentals.rent`.

        Arguments are those of `create`, and `on_lease_lost`.
        """
        return rental(
            self._sender,
            lambda sender: self._by(sender).create(node_id=node_id, subkind=subkind, protocol=protocol),
            checked_terms(
                self._sender, name=name, max_duration=max_duration, deadline=deadline,
                on_lease_lost=on_lease_lost,
            ),
        )  # fmt: skip
