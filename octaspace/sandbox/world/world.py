"""State of the simulated API: an account, its nodes and sessions, and the market."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

from ..api.problem import invalid, not_found
from ..clock import Clock, SystemClock
from ..datasets.initial_state import InitialState, StartTime
from ..datasets.nonconforming import octa_float
from ..datasets.registry import DATASETS, make_initial_state
from ..datasets.rng import seeded_rng
from .idle_jobs import IdleJob
from .ledger import Ledger
from .nodes import Node
from .rental import Rental
from .sessions import Sessions


class World:
    """Everything the API reads or changes. Every method is safe to call from any thread.

    Nothing runs in the background: state is computed from the time that has passed on the clock, so a
    `ManualClock` moves all of it at once.
    """

    def __init__(
        self,
        seed: int = 7,
        dataset: str = "default",
        ready_after: float = 4.0,
        clock: Clock | None = None,
        unique_ids: bool = False,
    ) -> None:
        self._unique_ids = unique_ids
        self.clock: Clock = clock or SystemClock()
        self.lock = threading.RLock()
        self.seed, self.dataset, self.ready_after = seed, dataset, ready_after
        self.reset()

    def reset(
        self, seed: int | None = None, dataset: str | None = None, ready_after: float | None = None
    ) -> None:
        """Start again; an argument that is None keeps its present value.

        ValueError for an unknown data set or a negative time; the world is then as it was.
        """
        with self.lock:
            seed = self.seed if seed is None else seed
            dataset = self.dataset if dataset is None else dataset
            ready_after = self.ready_after if ready_after is None else ready_after
            if dataset not in DATASETS:
                raise ValueError(f"unknown data set {dataset!r}: choose one of {', '.join(DATASETS)}")
            if not 0 <= ready_after < 86_400:
                raise ValueError("ready_after must be between 0 and 86400 seconds")
            self.seed, self.dataset, self.ready_after = seed, dataset, float(ready_after)
            self._begin()

    def _begin(self) -> None:
        now = self.clock.monotonic()
        self.started = now
        self.initial_state: InitialState = make_initial_state(
            self.dataset, self.seed, StartTime(now, self.clock.time(), self.ready_after)
        )
        self._account = dict(self.initial_state.account)
        self._nodes: dict[int, Node] = {node.id: node for node in self.initial_state.nodes}
        self._rng = seeded_rng("change", self.seed)
        self.ledger = Ledger(self.initial_state.balance, self.initial_state.rentals, now)
        source = random.SystemRandom() if self._unique_ids else self._rng
        self.sessions = Sessions(self.initial_state, self.ledger, self.clock, source, self.ready_after)

    # The account

    def account(self) -> dict[str, Any]:
        """GET /accounts."""
        with self.lock:
            return {**self._account, "balance": self._balance()}

    def balance(self) -> dict[str, Any]:
        """GET /accounts/balance."""
        with self.lock:
            amount = self._balance()
        return {"balance": amount, "currency": "OCTA"} if self.initial_state.loose else {"balance": amount}

    def _balance(self) -> int | float:
        wei = self.sessions.balance()
        return octa_float(wei) if self.initial_state.loose else wei

    def new_wallet(self) -> dict[str, Any]:
        """POST /accounts: a new address, which is the account's from now on."""
        with self.lock:
            address = "0x" + self._rng.randbytes(20).hex()
            self._account["wallet"] = address
        return {"address": address}

    # Nodes

    def nodes(self, wanted: Callable[[Node], bool] = lambda node: True) -> list[dict[str, Any]]:
        """GET /nodes: those that are `wanted`."""
        with self.lock:
            now = self.clock.monotonic()
            settled = [self._settled(node, now) for node in self._nodes.values()]
            return [node.listed(now) for node in settled if wanted(node)]

    def node(self, node_id: int) -> dict[str, Any]:
        """GET /nodes/{id}; 404 for a node that is not there."""
        with self.lock:
            now = self.clock.monotonic()
            return self._settled(self.own_node(node_id), now).detail(now)

    def own_node(self, node_id: int) -> Node:
        """The node itself; 404 for one that is not there."""
        try:
            return self._nodes[node_id]
        except KeyError:
            raise not_found("Node") from None

    @staticmethod
    def _settled(node: Node, now: float) -> Node:
        node.settle(now)
        return node

    def update_prices(self, node_id: int, prices: dict[str, Any]) -> dict[str, Any]:
        """PATCH /nodes/{id}/prices with checked prices."""
        with self.lock:
            node = self.own_node(node_id)
            node.prices = {**node.prices, **prices}
            return {"id": node.id, "prices": node.prices}

    def reboot(self, node_id: int) -> dict[str, Any]:
        """GET /nodes/{id}/reboot (Q1): offline, and back after `ready_after` seconds; 422 while offline."""
        with self.lock:
            now = self.clock.monotonic()
            node = self._settled(self.own_node(node_id), now)
            if node.visible_state() == "offline":
                raise invalid("node is offline", code="node_offline")
            node.reboot(now, self.ready_after)
        return {"message": f"Reboot requested{self.initial_state.note}"}

    # The rest

    def network(self) -> dict[str, Any]:
        """GET /network; a block is found every 12.77 seconds."""
        network = self.initial_state.network
        chain = network["blockchain"]
        found = int((self.clock.monotonic() - self.started) / chain["blocktime"])
        return {**network, "blockchain": {**chain, "height": chain["height"] + found}}

    def idle_job(self, node_id: int, job_id: int) -> IdleJob:
        """The job behind GET /idle_jobs/{node}/{job}; 404 when there is none."""
        try:
            return self.initial_state.idle_jobs[node_id, job_id]
        except KeyError:
            raise not_found("Idle job") from None

    def active(self) -> list[Rental]:
        """The sessions that run at this moment."""
        with self.lock:
            self.sessions.settle()
            return list(self.sessions.active.values())
