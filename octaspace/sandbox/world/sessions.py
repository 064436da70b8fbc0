"""Sessions: creating, listing, charging and ending them. The caller holds the world's lock."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..api.problem import invalid, not_found
from ..clock import Clock
from ..datasets.catalogue import rental_defaults
from ..datasets.initial_state import InitialState
from ..datasets.market import offer_terms
from ..datasets.nonconforming import log_lines, nonconforming_session
from ..datasets.rng import make_uuid
from .ledger import Ledger
from .rental import Rental

#: Finished sessions that are kept; the oldest is dropped first.
MAX_FINISHED = 1000
#: Seconds between two checks of the balance: with thousands of sessions each check takes time.
_BALANCE_CHECK_INTERVAL = 0.1


class Sessions:
    """The active and the finished sessions of one world."""

    def __init__(
        self, state: InitialState, ledger: Ledger, clock: Clock, source: random.Random, ready_after: float
    ) -> None:
        self._initial, self._ledger, self._clock = state, ledger, clock
        self._rng, self._ready_after = source, ready_after
        self.active: OrderedDict[str, Rental] = OrderedDict()
        self.finished: OrderedDict[str, Rental] = OrderedDict()
        for rental in reversed(state.rentals):  # Newest last, as they are appended later.
            (self.active if rental.ended is None else self.finished)[rental.uuid] = rental
        self._number = len(state.rentals)
        self._offers = {
            service: {offer["node_id"]: offer for offer in offers}
            for service, offers in (("mr", state.mr), ("render", state.render), ("vpn", state.vpn))
        }
        self._apps = {app["uuid"]: app for app in state.apps}
        self._balance_checked_at = float("-inf")
        self._solvent = False

    def settle(self) -> None:
        """End every active session with "low balance" when no money is left."""
        now = self._clock.monotonic()
        if now - self._balance_checked_at < _BALANCE_CHECK_INTERVAL:
            return
        self._balance_checked_at = now
        self._solvent = self._ledger.balance(self.active.values(), now) > 0
        if not self._solvent:
            for rental in list(self.active.values()):
                self._end(rental, now, "low balance")

    def balance(self) -> int:
        """Wei left at this moment."""
        self.settle()
        return self._ledger.balance(self.active.values(), self._clock.monotonic())

    def rent_each(self, items: list[dict[str, Any]]) -> Any:
        """Rent each checked item of POST /services/mr: `{uuid}` for each, or why it was rejected (Q2)."""
        answers: list[dict[str, Any]] = []
        for place, item in enumerate(items):
            if item["node_id"] in self._initial.empty_results:
                result = self._initial.empty_results[item["node_id"]]
                if isinstance(result, str):
                    return {"message": result}
                if result is not None:
                    # An answer with a reason is a rejection and has the item's index (Q19).
                    is_rejection = bool(result.keys() & {"message", "error"})
                    answers.append({"id": place, **result} if is_rejection else result)
                continue
            try:
                answers.append(self._rent(item))
            except _RejectedError as rejection:
                status = str(rejection.status) if self._initial.loose else rejection.status
                refusal = {"status": status, "reason": rejection.reason, "node_id": item["node_id"]}
                answers.append({"id": place, **refusal})
        return answers

    def rent_one(self, item: dict[str, Any]) -> dict[str, Any]:
        """One checked object of POST /services/mr (Q18); 422 when it cannot be granted."""
        return self._grant(item["node_id"], lambda: self._rent(item))

    def app_defaults(self, uuid: str) -> dict[str, Any]:
        """Defaults for a rental from the application with this uuid; empty for an unknown one."""
        app = self._apps.get(uuid)
        return {} if app is None else rental_defaults(app)

    def start_vpn(self, request: dict[str, Any]) -> dict[str, Any]:
        """A checked POST /services/vpn; 422 when the relay is not available."""

        def start() -> dict[str, Any]:
            offer = self._offer("vpn", request["node_id"], 0)
            return self._create("vpn", request["kind"], offer, protocol=request["protocol"])

        return self._grant(request["node_id"], start)

    def start_render(self, request: dict[str, Any]) -> dict[str, Any]:
        """A checked POST /services/render; 422 when the node is not available."""
        extra = {"user_envs": request["envs"]} if request["envs"] else {}

        def start() -> dict[str, Any]:
            offer = self._offer("render", request["node_id"], request["disk_size"])
            return self._create(
                "render", "base", offer, app_name="Blender", image="example/blender:4.2", extra=extra
            )

        return self._grant(request["node_id"], start)

    def _rent(self, item: dict[str, Any]) -> dict[str, Any]:
        """Grant one checked item, or raise `_RejectedError`."""
        app = self._apps.get(item["app"])
        if item["app"] and app is None:
            raise _RejectedError(6, "unknown application")
        offer = self._offer("mr", item["node_id"], item["disk_size"])
        owners = ("organization_id", "project_id")
        extra: dict[str, Any] = {name: item[name] for name in owners if name in item}
        if item["envs"]:
            extra["user_envs"] = item["envs"]
        return self._create(
            "mr",
            "base",
            offer,
            app_name=app["name"] if app else "",
            image=item["image"],
            ports=item["ports"],
            http_ports=item["http_ports"],
            extra=extra,
        )

    def _grant(self, node_id: int, create: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The answer to a single object: what `create` makes, a 422, or that node's empty result (Q19)."""
        if node_id in self._initial.empty_results:
            result = self._initial.empty_results[node_id]
            return {"message": result} if isinstance(result, str) else (result or {})
        try:
            return create()
        except _RejectedError as rejection:
            raise invalid(rejection.reason, code="node_unavailable") from None

    def stop(self, uuid: str, score: int | None) -> dict[str, Any]:
        """End an active session; a score counts in the rating of the node that was rented."""
        self.settle()
        rental = self._get(self.active, uuid)
        self._end(rental, self._clock.monotonic(), 0)
        if score is not None:
            self._rate(rental, score)
        return {"uuid": uuid, "charge_amount": rental.charge(self._clock.monotonic())}

    def listing(self, recent: bool) -> list[dict[str, Any]]:
        """GET /sessions: the active ones, or the finished ones, newest first."""
        self.settle()
        if recent:
            return [self._shown(rental, rental.finished()) for rental in reversed(self.finished.values())]
        now = self._clock.monotonic()
        return [self._shown(rental, rental.listed(now)) for rental in reversed(self.active.values())]

    def info(self, uuid: str) -> dict[str, Any]:
        """GET /services/{uuid}/info: 404 for a session that is gone (Q14)."""
        self.settle()
        rental = self._get(self.active, uuid)
        return self._shown(rental, rental.info(self._clock.monotonic()))

    def logs(self, uuid: str, recent: bool) -> Any:
        """GET /services/{uuid}/logs: a finished session answers only with `recent` (Q13)."""
        self.settle()
        rental = self._get(self.finished if recent else self.active, uuid)
        logs = rental.logs(self._clock.monotonic())
        return log_lines(logs) if self._initial.loose else logs

    def _shown(self, rental: Rental, view: dict[str, Any]) -> dict[str, Any]:
        return nonconforming_session(view, rental.number) if self._initial.loose else view

    def _get(self, group: OrderedDict[str, Rental], uuid: str) -> Rental:
        try:
            return group[uuid]
        except KeyError:
            raise not_found("Session") from None

    def _offer(self, service: str, node_id: int, disk_size: int) -> dict[str, Any]:
        """The offer to rent, or a `_RejectedError`."""
        if node_id in self._initial.refusals:
            raise _RejectedError(*self._initial.refusals[node_id])
        offer = self._offers[service].get(node_id)
        if offer is None:
            raise _RejectedError(3, "node not found")
        if disk_size * 10**9 > offer.get("free_disk", 0) and service != "vpn":
            raise _RejectedError(2, "not enough free disk")
        self.settle()
        if not self._solvent:
            raise _RejectedError(5, "insufficient balance")
        return offer

    def _create(self, service: str, kind: str, offer: dict[str, Any], **details: Any) -> dict[str, Any]:
        rental = Rental(
            uuid=make_uuid(self._rng),
            service=service,
            kind=kind,
            node_id=offer["node_id"],
            number=self._number,
            started=self._clock.monotonic(),
            started_wall=self._clock.time(),
            ready_after=self._ready_after,
            note=self._initial.note,
            **offer_terms(service, offer),
            **details,
        )
        self._number += 1
        self.active[rental.uuid] = rental
        return {"uuid": rental.uuid}

    def _end(self, rental: Rental, now: float, reason: int | str) -> None:
        rental.ended, rental.termination_reason = now, reason
        self._ledger.book(rental, now)
        del self.active[rental.uuid]
        self.finished[rental.uuid] = rental
        while len(self.finished) > MAX_FINISHED:
            self.finished.popitem(last=False)

    def _rate(self, rental: Rental, score: int) -> None:
        offer = self._offers[rental.service].get(rental.node_id)
        reliability = offer.get("reliability") if offer else None
        if offer is None or not isinstance(reliability, dict):
            return
        rating = reliability["rating"]
        count = rating["count"] + 1
        mean = round((rating["score"] * rating["count"] + score) / count, 2)
        offer["reliability"] = {**reliability, "rating": {"count": count, "score": mean}}


class _RejectedError(Exception):
    """A request that is well formed but cannot be granted."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason
