"""The current app's client, for code without access to the `OctaSpace` object."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from werkzeug.local import LocalProxy

from octaspace import Client

from .state import current_state

__all__ = ["current_octaspace"]

if TYPE_CHECKING:

    class ClientProxy(Client):
        """The type of `current_octaspace` for type checkers: a client that also returns the proxied one."""

        def _get_current_object(self) -> Client: ...


def _client() -> Client:
    return current_state().client


#: The same client as `OctaSpace.client` of the extension that set up the current app. Needs an app context;
#: outside of one, each use raises `RuntimeError`.
current_octaspace = cast("ClientProxy", LocalProxy(_client))
