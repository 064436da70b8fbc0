"""The market, and what one has rented on it."""

from __future__ import annotations

from ...request import RequestSender
from ..resource import Resource
from .mr import MachineRentals
from .render import RenderNodes
from .session import Session
from .vpn import VpnRelays

__all__ = ["MachineRentals", "RenderNodes", "Services", "Session", "VpnRelays"]


class Services(Resource):
    """Machines, VPN relays and render nodes to rent, and a rented session: `client.services`."""

    # With their descriptions, for `help`.
    __slots__ = {  # noqa: RUF023  # in the order of the API
        "mr": "Machines for rent: a `MachineRentals`.",
        "vpn": "VPN relays for rent: a `VpnRelays`.",
        "render": "Render nodes for rent: a `RenderNodes`.",
    }

    mr: MachineRentals
    vpn: VpnRelays
    render: RenderNodes

    def __init__(self, sender: RequestSender) -> None:
        super().__init__(sender)
        self.mr = MachineRentals(sender)
        self.vpn = VpnRelays(sender)
        self.render = RenderNodes(sender)

    def session(self, uuid: str) -> Session:
        """A session by its uuid. Asks nothing of the API yet.

        Args:
            uuid: As `create` returned it, or from `client.sessions.list()`.

        Raises:
            ValueError: It cannot be part of a path.
        """
        return Session(self._sender, uuid)
