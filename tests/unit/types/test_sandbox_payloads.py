"""Every payload the simulated API has, from each of its data sets, through its type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from octaspace import types
from octaspace.sandbox import ManualClock, World

from .walking import left_over, shapes


def payloads(dataset: str) -> Iterator[tuple[Any, Any]]:
    """(type, payload) for every answer of a world, before and after its rentals have become ready."""
    clock = ManualClock()
    world = World(seed=5, dataset=dataset, clock=clock)
    yield from _market(world)
    for seconds in (0.0, 1.0, 3600.0):
        clock.advance(seconds)
        yield types.Account, world.account()
        yield types.Balance, world.balance()
        yield types.Network, world.network()
        for node in world.nodes():
            yield types.Node, node
            yield types.Node, world.node(node["id"])
        for session in world.sessions.listing(recent=False):
            yield types.Session, session
            yield types.Session, world.sessions.info(session["uuid"])
            yield types.SessionLogs, world.sessions.logs(session["uuid"], recent=False)
        for session in world.sessions.listing(recent=True):
            yield types.Session, session
            yield types.SessionLogs, world.sessions.logs(session["uuid"], recent=True)


def _market(world: World) -> Iterator[tuple[Any, Any]]:
    for offer in world.initial_state.mr:
        yield types.MachineOffer, offer
    for offer in world.initial_state.render:
        yield types.RenderOffer, offer
    for relay in world.initial_state.vpn:
        yield types.VpnRelay, relay
    for app in world.initial_state.apps:
        yield types.App, app
    for job in world.initial_state.idle_jobs.values():
        yield types.IdleJob, job.view(world.clock.time())
        yield types.IdleJobLogs, job.logs()


@pytest.mark.parametrize("dataset", ["default", "empty", "large"])
def test_everything_is_known(dataset: str) -> None:
    count = 0
    for kind, payload in payloads(dataset):
        assert left_over(kind.from_api(payload)) == {}, payload
        count += 1
    assert count >= 9


def test_loose_answers_leave_only_port_lists_that_are_none_and_raw_envs() -> None:
    left: set[tuple[str, str]] = set()
    for kind, payload in payloads("loose"):
        left |= {(name, str(value)) for name, value in left_over(kind.from_api(payload)).items()}
    lists = {(f"App.{name}", value) for name in ("ports", "http_ports") for value in ("not a list", "[22,")}
    # Text that is not JSON (Q31), and values of envs that are not text (Q27), which are read as text as well.
    matrices = {("Session.ports_matrix", "42000:22")}
    envs = {(name, value) for name, value in left if name == "App.envs"}
    assert left == lists | matrices | envs
    assert any("True" in value for _, value in envs)


def test_hostile_words_are_kept_as_they_are_and_break_nothing() -> None:
    left: set[str] = set()
    words: set[str] = set()
    for kind, payload in payloads("hostile"):
        read = kind.from_api(payload)
        assert isinstance(repr(read), str)
        assert isinstance(hash(read), int)
        left |= set(left_over(read))
        words |= {shape.city for shape in shapes(read) if isinstance(shape, types.Location) and shape.city}
    # The two lists of cards call the same cards differently there, so that both are kept.
    assert left == {"Node.vrf_dt", "MachineOffer.gpu", "RenderOffer.gpu"}
    assert any("<script>" in word for word in words)


def test_offers_are_priced_located_and_measured() -> None:
    offers = [kind.from_api(each) for kind, each in payloads("default") if kind is types.MachineOffer]
    assert len(offers) == 28
    for offer in offers:
        assert isinstance(offer.price_usd, Decimal)
        assert type(offer.price_wei) is int
        assert offer.price_wei % 10**15 == 0
        assert offer.country_iso is not None
        assert 90 <= offer.reliability_percent <= 100
        assert offer.net_down_mbits is None or 100 < offer.net_down_mbits < 10_000
        assert offer.is_has_gpu is (offer.vram_gb is not None)


def test_sessions_have_times_numbers_and_charges() -> None:
    sessions = [kind.from_api(each) for kind, each in payloads("default") if kind is types.Session]
    assert {session.service for session in sessions} == {"mr", "render", "vpn"}
    year_ago = datetime(2020, 1, 1, tzinfo=timezone.utc)
    for session in sessions:
        assert session.started_at > year_ago
        assert session.started_at.tzinfo is timezone.utc
        assert type(session.charge_amount) is int
        assert type(session.rx) is type(session.tx) is type(session.duration) is int
        assert session.ended is (session.finished_at is not None)
        assert not (session.ready and session.ended)
    assert any(session.ready for session in sessions)
    assert any(not session.ready and not session.ended for session in sessions)
    assert {type(session.config) for session in sessions} == {str, types.HttpProxy, type(None)}
