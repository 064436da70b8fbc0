"""Seeded random sources: the same seed gives the same world, faults and ids."""

from __future__ import annotations

import random
import uuid


def seeded_rng(*seed: object) -> random.Random:
    """A random source that depends only on `seed`, as a text: hashes differ between processes."""
    return random.Random(":".join(map(str, seed)))  # noqa: S311 - repeatable on purpose, not for secrets


def make_uuid(source: random.Random) -> str:
    """A version-4 uuid drawn from `source`."""
    return str(uuid.UUID(int=source.getrandbits(128), version=4))
