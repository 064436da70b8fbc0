"""The sandbox as one object: a world, its endpoints, its journal and its faults."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final

from ..api.app import SandboxApp
from ..clock import Clock, ManualClock, SystemClock
from ..control import CONTROL_PATH, Control
from ..faults.registry import FaultRegistry
from ..journal import Journal
from ..world.world import World
from .connection import Shared
from .endpoint import Endpoint
from .host_names import HostNames


class SandboxServer:
    """A simulated OctaSpace API on one or more loopback ports that all serve the same world.

        with SandboxServer(ports=(0, 0), seed=7) as sandbox:
            requests.get(sandbox.urls[0] + "/network")
            sandbox.faults.add("status", endpoint=sandbox.ports[0], status=503, count=2)
            sandbox.journal.entries()

    Starting takes milliseconds; it runs in threads of this process.

    Args:
        ports: One endpoint each; 0 takes a free port.
        seed: The same seed gives the same world and applies faults to the same requests.
        dataset: default, empty, hostile, large or loose.
        ready_after: Seconds until a rental is ready, and that a reboot takes.
        clock: The world's clock; a `ManualClock` makes its time stand still.
        host: Address to bind.
        control_port: A separate port for the control path, which no fault can close; 0 takes a free one.
        keep_alive_timeout: Seconds after which an idle connection is closed.
        strict_keys: Refuse keys that do not have 64 characters with 401.
        allow_hosts: Host names that the API answers to in addition to those of this machine, for example
            the name that a proxy passes on.
        unique_ids: Give new sessions uuids that no other sandbox gives, like those of the API. Otherwise they
            follow from the seed.

    Raises:
        ValueError: An unknown data set, a time out of range, or an impossible host name.
    """

    #: A key that every sandbox accepts, also with `strict_keys`.
    api_key: Final[str] = "sandbox-key-".ljust(64, "0")

    def __init__(
        self,
        ports: Sequence[int] = (0, 0),
        *,
        seed: int = 7,
        dataset: str = "default",
        ready_after: float = 4.0,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        control_port: int | None = None,
        keep_alive_timeout: float = 75.0,
        strict_keys: bool = False,
        allow_hosts: Sequence[str] = (),
        unique_ids: bool = False,
    ) -> None:
        clock = clock or SystemClock()
        self.world = World(seed, dataset, ready_after, clock, unique_ids)
        self.app = SandboxApp(self.world, strict_keys)
        self.journal = Journal(clock.time)
        self.faults = FaultRegistry(seed, clock)
        self._host, self._wanted, self._control_wanted = host, tuple(ports), control_port
        self._endpoints: list[Endpoint] = []
        self._control_endpoint: Endpoint | None = None
        self._refusing = threading.Lock()
        control = Control(
            self.world,
            self.journal,
            self.faults,
            self.endpoints,
            control_port is not None,
            lambda: self.control_url,
            self.reset,
        )
        self._shared = Shared(
            self.app,
            control,
            self.journal,
            self.faults,
            host,
            keep_alive_timeout,
            HostNames(allow_hosts),
            clock.time,
        )

    def start(self) -> SandboxServer:
        """Open the ports; a sandbox is started once.

        Raises:
            PortInUseError: A port is in use (an OSError); the other ports are closed again.
        """
        if self._endpoints or self._shared.stopping.is_set():
            raise RuntimeError("a sandbox is started once")
        try:
            for port in self._wanted:
                self._endpoints.append(Endpoint(self._shared, self._host, port))
            if self._control_wanted is not None:
                self._control_endpoint = Endpoint(
                    self._shared, self._host, self._control_wanted, control_only=True
                )
        except OSError:
            self.stop()
            raise
        if self._control_endpoint is not None:
            self._control_endpoint.open()
        self.faults.on_change = self._apply_refusals
        self._apply_refusals()
        return self

    def stop(self) -> None:
        """Close every port and connection and wait for every thread; a second call does nothing."""
        self.faults.on_change = lambda: None
        self._shared.stopping.set()
        self.faults.remove_all()
        for endpoint in self._all():
            endpoint.stop()
        self._endpoints, self._control_endpoint = [], None

    def reset(
        self, seed: int | None = None, dataset: str | None = None, ready_after: float | None = None
    ) -> None:
        """Start the world again; None keeps the present value. Journal and faults stay as they are.

        Raises:
            ValueError: An unknown data set or a time out of range; the world keeps its options.
        """
        self.world.reset(seed, dataset, ready_after)
        self.faults.reseed(self.world.seed)

    def restart(
        self,
        seed: int | None = None,
        dataset: str | None = None,
        ready_after: float | None = None,
        strict_keys: bool | None = None,
    ) -> None:
        """Return to the state right after `start`, on the same ports: for the next test.

        Faults are removed and connections broken off, and the thread of each request under way has ended
        before world, journal and a `ManualClock` start again: nothing of it reaches them.

        Args:
            seed: As in the constructor; None keeps the present one, here and below.
            dataset: As in the constructor.
            ready_after: As in the constructor.
            strict_keys: As in the constructor.

        Raises:
            ValueError: An unknown data set or a time out of range; the world keeps its options.
        """
        self.faults.on_change = lambda: None
        # Connections first: a request that a fault delays is not carried out when the fault is removed.
        for endpoint in self._all():
            endpoint.refuse()
        self.faults.restart(self.world.seed)
        for endpoint in self._all():
            endpoint.restart()
        if isinstance(self.world.clock, ManualClock):
            self.world.clock.restart()
        self.journal.restart()
        self._shared.restart_ids()
        try:
            self.world.reset(seed, dataset, ready_after)
        finally:
            self.faults.restart(self.world.seed)
            self.faults.on_change = self._apply_refusals
        self.app.restart(self.app.strict_keys if strict_keys is None else strict_keys)

    @property
    def is_fresh(self) -> bool:
        """Whether no request has arrived and no fault was switched on since the start or `restart`."""
        return self.journal.last_id == 0 and self.faults.is_fresh

    @property
    def ports(self) -> list[int]:
        """The ports of the API, in the order of the constructor's."""
        return [endpoint.port for endpoint in self._endpoints]

    @property
    def urls(self) -> list[str]:
        """The base URLs of the API, for `base_urls`."""
        return [endpoint.url for endpoint in self._endpoints]

    @property
    def url(self) -> str:
        """The first base URL, for `base_url`."""
        return self._endpoints[0].url

    @property
    def control_url(self) -> str:
        """Base URL of the control path: on its separate port if there is one, else on the first endpoint."""
        return (self._control_endpoint or self._endpoints[0]).url + CONTROL_PATH

    def endpoints(self) -> list[dict[str, Any]]:
        """Port, URL, whether it listens, open and accepted connections, for each endpoint of the API."""
        return [endpoint.view() for endpoint in self._endpoints]

    def __enter__(self) -> SandboxServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _all(self) -> list[Endpoint]:
        return [*self._endpoints, *([self._control_endpoint] if self._control_endpoint else [])]

    def _apply_refusals(self) -> None:
        # One at a time: otherwise a port could close for a fault that has been removed meanwhile.
        with self._refusing:
            for endpoint in self._endpoints:
                if self.faults.refused(endpoint.port):
                    endpoint.refuse()
                else:
                    endpoint.open()
