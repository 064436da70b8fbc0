"""The catalogue of apps: ready-made images."""

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
        """GET /apps: all available apps.

        Args:
            filters: Query parameters, passed on unchanged; None is omitted.

        Returns:
            `data` is a list. Port lists may be JSON text; `octaspace.types.App` reads both forms::

                [{"uuid": "249b4cb3-…", "name": "Ubuntu 24.04", "image": "ubuntu:24.04",
                  "category": "OS", "min_vram_gb": 0, "ports": "[22]", "http_ports": "[]",
                  "extra": {"min_disk_size": 10}}, …]

        Raises:
            ValueError: A filter cannot be part of a query string.
            octaspace.Error: Any of `octaspace.errors`.
        """
        return self._get("apps.list", "apps", params=filters, cacheable=True)
