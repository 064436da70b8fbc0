"""injector, which reads annotations to know what to give to whom."""

# /// script
# dependencies = ["injector"]
# ///

from __future__ import annotations

import injector

import octaspace
from octaspace.sandbox import SandboxServer


class Market:
    """What a user of the SDK writes."""

    @injector.inject
    def __init__(self, client: octaspace.Client) -> None:
        self.client = client


class Clients(injector.Module):
    def __init__(self, url: str) -> None:
        self._url = url

    @injector.singleton
    @injector.provider
    def client(self) -> octaspace.Client:
        return octaspace.Client("sk", base_url=self._url, keep_alive=True)


def test_a_client_is_given_to_who_asks_for_one(sandbox: SandboxServer) -> None:
    container = injector.Injector([Clients(sandbox.url)])
    market = container.get(Market)
    assert market.client is container.get(octaspace.Client)
    with market.client as client:
        assert client.nodes.list().ok
