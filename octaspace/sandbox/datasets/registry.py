"""The worlds one can ask for: default, empty, hostile, large and loose."""

from __future__ import annotations

import random
from collections.abc import Callable

from .builder import make_account, make_world_seeds
from .hostile import poison
from .initial_state import Moment, Seeds
from .market import make_network
from .nonconforming import loosen_seeds
from .rng import dice


def make_seeds(dataset: str, seed: int, moment: Moment) -> Seeds:
    """The start of the world `dataset` (a key of `DATASETS`) for `seed`."""
    return DATASETS[dataset](dice("world", seed), moment)


def _default(source: random.Random, moment: Moment) -> Seeds:
    return make_world_seeds(source, moment, nodes=14, mr=28, render=14, vpn=12, active=6, recent=10)


def _large(source: random.Random, moment: Moment) -> Seeds:
    return make_world_seeds(source, moment, nodes=700, mr=400, render=150, vpn=120, active=150, recent=600)


def _empty(source: random.Random, moment: Moment) -> Seeds:
    return Seeds(account=make_account(source), balance=0, network=make_network([], 0, 0))


def _hostile(source: random.Random, moment: Moment) -> Seeds:
    return poison(_default(source, moment))


def _loose(source: random.Random, moment: Moment) -> Seeds:
    return loosen_seeds(_default(source, moment))


#: Name of each data set and what makes it.
DATASETS: dict[str, Callable[[random.Random, Moment], Seeds]] = {
    "default": _default,
    "empty": _empty,
    "hostile": _hostile,
    "large": _large,
    "loose": _loose,
}
