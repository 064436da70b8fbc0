"""The panel for ``GET /network``, used by several pages; `components/network.html` renders it."""

from __future__ import annotations

from ..domain.network import network_summary
from ..sdk.call import SdkCall
from .panels import PanelRequest

__all__ = ["network_panel"]


def network_panel(*, cached: bool = False) -> PanelRequest:
    """The call ``client.network.info()`` as a panel.

    Args:
        cached: See `PanelRequest.cached`; for a page that shows the panel, and so the age of its data.
    """
    return PanelRequest(
        "network", "Network", SdkCall("network.info"), shape=network_summary, empty=lambda it: it.is_empty,
        cached=cached,
    )  # fmt: skip
