"""The current app's client, for code that has no `OctaSpace` at hand."""

from __future__ import annotations

from werkzeug.local import LocalProxy

from octaspace import Client

from .state import current_state

__all__ = ["current_octaspace"]


def _client() -> Client:
    return current_state().client


#: The same client as `OctaSpace.client` of whichever extension set the current app up. Needs an app
#: context; outside of one each use raises `RuntimeError`.
current_octaspace: Client = LocalProxy(_client)  # type: ignore[assignment]
