"""Seeded randomness: the same seed gives the same world, the same faults, the same ids."""

from __future__ import annotations

import random
import uuid


def seeded_rng(*seed: object) -> random.Random:
    """A random source that depends on `seed` alone (strings hash differently per process, so text it is)."""
    return random.Random(":".join(map(str, seed)))  # noqa: S311 - repeatable on purpose, guards nothing


def make_uuid(source: random.Random) -> str:
    """A version-4 uuid drawn from `source`."""
    return str(uuid.UUID(int=source.getrandbits(128), version=4))
