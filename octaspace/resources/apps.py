"""The catalogue of ready-made images."""

from __future__ import annotations

import builtins

from .. import types
from ..response import Response
from .resource import Resource

__all__ = ["Apps"]


class Apps(Resource):
    """Images that a rental can start with: `client.apps`."""

    __slots__ = ()

    def list(self, **filters: object) -> Response[builtins.list[types.payloads.App]]:
        """GET /apps: every app on offer.

        Args:
            filters: Query parameters, passed on as they are; None is left out.

        Returns:
            `data` is a list. Port lists may come as JSON text; `octaspace.types.App` reads both::

                [{"uuid": "249b4cb3-…", "name": "Ubuntu 24.04", "image": "ubuntu:24.04",
                  "category": "OS", "min_vram_gb": 0, "ports": "[22]", "http_ports": "[]",
                  "extra": {"min_disk_size": 10}}, …]

        Raises:
            ValueError: A filter cannot stand in a query.
            octaspace.Error: Any of `octaspace.errors`.
        """
        return self._get("apps", params=filters)
