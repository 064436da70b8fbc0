"""Where a name leads: localhost, IPv6, a path below the host, several addresses, and one that changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import octaspace
from octaspace import Client, Config
from octaspace.sandbox import SandboxServer
from tests.support.certificates import Authority
from tests.support.fake_clock import FakeClock
from tests.support.namespaces import Hosts
from tests.support.recorder import Recorder
from tests.support.silent_address import SilentAddress

from .calls import created, read_everything, rent
from .conftest import BEHIND, SPACE, Front
from .nginx import Nginx, Site

NAME = "machines.octa.test"


@pytest.fixture(scope="module")
def local(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """An nginx on both loopback addresses, on default ports and others."""
    folder = tmp_path_factory.mktemp("local")
    upstream = f"http://127.0.0.1:{BEHIND[SPACE]}"
    certificate = authority.certificate("localhost", "127.0.0.1", "::1")
    with Nginx(
        folder,
        [
            Site(
                name,
                (f"{address}:443", f"{address}:8443"),
                certificate,
                upstream,
                plain=(f"{address}:80", f"{address}:8080"),
                # The server behind it does not see this path prefix.
                directives=f"location /v9/prefix/ {{ proxy_pass {upstream}/; }}",
            )
            for name, address in (("localhost 127.0.0.1", "127.0.0.1"), ("localhost [::1]", "[::1]"))
        ],
    ) as nginx:
        yield nginx


@pytest.mark.parametrize(("prefix", "keep_alive"), [("", False), ("/v9/prefix", True)])
@pytest.mark.parametrize("port", ["", ":80", ":8080", ":443", ":8443"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_local_addresses(
    local: Nginx, sandbox: SandboxServer, host: str, port: str, prefix: str, keep_alive: bool
) -> None:
    schemes = ["http", "https"] if not port else ["https" if "443" in port else "http"]
    urls = [f"{scheme}://{host}{port}{prefix}" for scheme in schemes]
    with octaspace.Client("key", base_urls=urls, keep_alive=keep_alive, max_retries=0) as client:
        for _ in urls:
            assert client.nodes.list().data
            assert rent(client).attempts == 1
    assert len(created(sandbox)) == len(urls)


@pytest.mark.parametrize("listening", ["127.0.0.1", "::1"])
def test_localhost_listens_on_one_of_its_addresses(listening: str) -> None:
    with (
        Recorder(listening, 3000) as server,
        octaspace.Client("key", base_url="http://localhost:3000", max_retries=0) as client,
    ):
        client.network.info()
        assert len(server.requests) == 1


def test_a_path_below_the_host(front: Front, sandbox: SandboxServer) -> None:
    front(location="rewrite ^/v9/prefix/(.*)$ /$1 break;")
    with octaspace.Client("key", base_url=f"https://{SPACE}/v9/prefix", keep_alive=True) as client:
        read_everything(client)
        assert rent(client).ok
    assert len(created(sandbox)) == 1


def test_unresolvable_name(hosts: Hosts) -> None:
    hosts.point(SPACE)
    with octaspace.Client("key", max_retries=0) as client:
        with pytest.raises(octaspace.ConnectionError, match=r"(?i)name") as caught:
            rent(client)
        assert f"https://{SPACE}" in str(caught.value)
        assert not caught.value.outcome_unknown


def test_the_first_address_refuses(hosts: Hosts) -> None:
    hosts.point(NAME, "127.0.21.1", "127.0.21.2", "127.0.21.3")
    with (
        Recorder("127.0.21.3", 80) as third,
        octaspace.Client("key", base_url=f"http://{NAME}", max_retries=0) as client,
    ):
        client.network.info()
        assert rent_plainly(client) == 1
        assert len(third.requests) == 2


def test_the_first_address_never_answers(hosts: Hosts) -> None:
    hosts.point(NAME, "127.0.21.1", "127.0.21.2")
    with (
        SilentAddress("127.0.21.1", 80),
        Recorder("127.0.21.2", 80) as second,
        octaspace.Client("key", base_url=f"http://{NAME}", max_retries=0, open_timeout=0.5) as client,
    ):
        assert rent_plainly(client) == 1
        assert len(second.requests) == 1


def test_the_address_that_answered_last_is_tried_first(hosts: Hosts) -> None:
    hosts.point(NAME, "127.0.21.1", "127.0.21.2")
    with octaspace.Client("key", base_url=f"http://{NAME}", max_retries=0) as client:
        with Recorder("127.0.21.2", 80) as second:
            client.network.info()  # the first address refuses
            with Recorder("127.0.21.1", 80) as first:
                client.network.info()
                assert rent_plainly(client) == 1
                assert (len(first.requests), len(second.requests)) == (0, 3)
        with Recorder("127.0.21.1", 80) as first:  # and when it is gone, so is its precedence
            client.network.info()
            assert len(first.requests) == 1


def test_no_address_answers(hosts: Hosts) -> None:
    hosts.point(NAME, "127.0.21.1", "127.0.21.2")
    with (
        SilentAddress("127.0.21.1", 80),
        SilentAddress("127.0.21.2", 80),
        octaspace.Client("key", base_url=f"http://{NAME}", max_retries=0, open_timeout=0.2) as client,
        pytest.raises(octaspace.TimeoutError) as caught,
    ):
        rent_plainly(client)
    assert caught.value.phase == "open"
    assert not caught.value.outcome_unknown


def test_a_name_that_moves_while_its_old_address_still_answers(hosts: Hosts) -> None:
    clock = FakeClock()
    hosts.point(NAME, "127.0.21.1")
    config = Config(
        api_key="key", base_url=f"http://{NAME}", keep_alive=True, max_connection_age=120, idle_timeout=None
    )
    with (
        Recorder("127.0.21.1", 80) as old,
        Recorder("127.0.21.2", 80) as new,
        Client.from_config(config, clock=clock.clock()) as client,
    ):
        client.network.info()
        hosts.point(NAME, "127.0.21.2")
        clock.advance(60)
        rent_plainly(client)
        assert (len(old.requests), len(new.requests)) == (2, 0), "an open connection does not resolve names"
        clock.advance(61)
        assert rent_plainly(client) == 1
        client.network.info()
        assert (len(old.requests), len(new.requests)) == (2, 2)


def test_a_name_that_moves_when_connections_have_no_limit_of_age(hosts: Hosts) -> None:
    clock = FakeClock()
    hosts.point(NAME, "127.0.21.1")
    config = Config(api_key="key", base_url=f"http://{NAME}", keep_alive=True, idle_timeout=None)
    with (
        Recorder("127.0.21.1", 80) as old,
        Recorder("127.0.21.2", 80) as new,
        Client.from_config(config, clock=clock.clock()) as client,
    ):
        client.network.info()
        hosts.point(NAME, "127.0.21.2")
        clock.advance(1_000_000)
        client.network.info()
        assert (len(old.requests), len(new.requests)) == (2, 0)


def test_a_name_that_moves_away_from_an_address_that_is_gone(front: Front, sandbox: SandboxServer) -> None:
    with octaspace.Client("key", keep_alive=True, max_retries=0) as client:
        old = front()
        client.nodes.list()
        front()  # the name leads here from now on
        old.stop()
        assert rent(client).attempts == 1
    assert len(created(sandbox)) == 1


def rent_plainly(client: Client) -> int:
    """Send what a recorder answers as it answers all; returns the attempts it took."""
    return client.send(octaspace.Request("POST", "/services/mr", body=[{"id": 0}])).attempts
