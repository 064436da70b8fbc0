"""The marketplace, and rented sessions."""

from __future__ import annotations

from ..resource import Part, Resource
from .mr import MachineRentals
from .render import RenderNodes
from .session import Session
from .vpn import VpnRelays

__all__ = ["MachineRentals", "RenderNodes", "Services", "Session", "VpnRelays"]


class Services(Resource):
    """Machines, VPN relays and render nodes to rent, and a rented session: `client.services`."""

    __slots__ = ()

    #: Machines for rent.
    mr = Part(MachineRentals)

    #: VPN relays for rent.
    vpn = Part(VpnRelays)

    #: Render nodes for rent.
    render = Part(RenderNodes)

    def session(self, uuid: str) -> Session:
        """Return a session by its uuid. Sends nothing.

        Args:
            uuid: As `create` returned it, or from `client.sessions.list()`.

        Raises:
            ValueError: The uuid cannot be part of a path.
        """
        return Session(self._sender, uuid)
