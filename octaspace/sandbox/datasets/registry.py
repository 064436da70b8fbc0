"""The data sets: default, empty, hostile, large and loose."""

from __future__ import annotations

import random
from collections.abc import Callable

from .builder import make_account, make_populated_state
from .hostile import inject_hostile_text
from .initial_state import InitialState, StartTime
from .market import make_network
from .nonconforming import make_nonconforming
from .rng import seeded_rng


def make_initial_state(dataset: str, seed: int, start: StartTime) -> InitialState:
    """The initial state of the data set `dataset` (a key of `DATASETS`) for `seed`."""
    return DATASETS[dataset](seeded_rng("world", seed), start)


def _default(source: random.Random, start: StartTime) -> InitialState:
    return make_populated_state(source, start, nodes=14, mr=28, render=14, vpn=12, active=6, recent=10)


def _large(source: random.Random, start: StartTime) -> InitialState:
    return make_populated_state(source, start, nodes=700, mr=400, render=150, vpn=120, active=150, recent=600)


def _empty(source: random.Random, start: StartTime) -> InitialState:
    return InitialState(account=make_account(source), balance=0, network=make_network([], 0, 0))


def _hostile(source: random.Random, start: StartTime) -> InitialState:
    return inject_hostile_text(_default(source, start))


def _loose(source: random.Random, start: StartTime) -> InitialState:
    return make_nonconforming(_default(source, start))


#: Each data set by name, and the function that makes it.
DATASETS: dict[str, Callable[[random.Random, StartTime], InitialState]] = {
    "default": _default,
    "empty": _empty,
    "hostile": _hostile,
    "large": _large,
    "loose": _loose,
}
