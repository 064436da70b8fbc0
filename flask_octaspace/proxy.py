"""The current app's client, for code that has no `OctaSpace` at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from werkzeug.local import LocalProxy

from octaspace import Client

from .state import current_state

__all__ = ["current_octaspace"]

if TYPE_CHECKING:

    class ClientProxy(Client):
        """What checkers take `current_octaspace` for: a client that can say which one it stands for."""

        def _get_current_object(self) -> Client: ...


def _client() -> Client:
    return current_state().client


#: The same client as `OctaSpace.client` of whichever extension set the current app up. Needs an app
#: context; outside of one each use raises `RuntimeError`.
current_octaspace = cast("ClientProxy", LocalProxy(_client))
