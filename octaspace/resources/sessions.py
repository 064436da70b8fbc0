"""Current and ended sessions."""

from __future__ import annotations

import builtins

from .. import types
from ..response import Response
from .resource import Resource

__all__ = ["Sessions"]


class Sessions(Resource):
    """The account's own sessions: `client.sessions`. A single session is `client.services.session(uuid)`."""

    __slots__ = ()

    def list(
        self, recent: bool | None = None, **filters: object
    ) -> Response[builtins.list[types.payloads.Session]]:
        """GET /sessions: the running sessions, or with `recent` the ended ones.

        Args:
            recent: True asks for ended sessions (``?recent=true``).
            filters: Further query parameters, passed on unchanged; None is omitted.

        Returns:
            `data` is a list; charges in Wei, times in the API's formats::

                [{"uuid": "5dd2d308-…", "service": "mr", "node_id": 9101, "is_ready": true,
                  "progress": "service configured", "charge_amount": 300000000000000000,
                  "urls": {"8080": "https://…"}, "ssh_direct": {…}}, …]

            `octaspace.types.Session.from_api(item)` reads all formats of numbers and times.

        Raises:
            ValueError: A filter cannot be part of a query string.
            octaspace.Error: Any of `octaspace.errors`.
        """
        return self._get("sessions.list", "sessions", params={"recent": recent, **filters})
