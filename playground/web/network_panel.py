"""The panel for ``GET /network``, which several pages show; `components/network.html` draws it."""

from __future__ import annotations

from ..domain.network import network_summary
from ..sdk.call import Line
from .panels import Ask

__all__ = ["network_panel"]


def network_panel() -> Ask:
    """The call ``client.network.info()`` as a panel."""
    return Ask(
        "network", "Network", Line("network.info"), shape=network_summary, empty=lambda it: it.is_empty
    )
