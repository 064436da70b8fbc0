"""Figures of the whole network."""

from __future__ import annotations

from .. import types
from ..response import Response
from .resource import Resource

__all__ = ["Network"]


class Network(Resource):
    """Public figures of the network: `client.network`."""

    __slots__ = ()

    def info(self) -> Response[types.payloads.Network]:
        """GET /network: chain, market price, nodes, power, GPU prices. Public: the key is never sent.

        Returns:
            `data` is an object, prices in USD::

                {"market_price": 0.104, "nodes": {"count": 690, "online": 598, …},
                 "blockchain": {"height": 9299385, …}, "power": {"gpus": 2310, …},
                 "marketplace": {"gpus": {"NVIDIA GeForce RTX 3090": {"avg_price": 0.24, "count": 51}, …}}}

        Raises:
            octaspace.Error: Any of `octaspace.errors`.
        """
        return self._get("network.info", "network", public=True, cacheable=True)
