"""What is rented now, and what was."""

from __future__ import annotations

import builtins

from .. import types
from ..response import Response
from .resource import Resource

__all__ = ["Sessions"]


class Sessions(Resource):
    """One's own sessions: `client.sessions`. A single one is `client.services.session(uuid)`."""

    __slots__ = ()

    def list(
        self, recent: bool | None = None, **filters: object
    ) -> Response[builtins.list[types.payloads.Session]]:
        """GET /sessions: the running sessions, or with `recent` those that have ended.

        Args:
            recent: True asks for ended sessions (``?recent=true``).
            filters: Further query parameters, passed on as they are; None is left out.

        Returns:
            `data` is a list; charges in Wei, times as the API writes them::

                [{"uuid": "5dd2d308-…", "service": "mr", "node_id": 9101, "is_ready": true,
                  "progress": "service configured", "charge_amount": 300000000000000000,
                  "urls": {"8080": "https://…"}, "ssh_direct": {…}}, …]

            `octaspace.types.Session.from_api(item)` reads every way in which numbers and times come.

        Raises:
            ValueError: A filter cannot stand in a query.
            octaspace.Error: Any of `octaspace.errors`.
        """
        return self._get("sessions", params={"recent": recent, **filters})
