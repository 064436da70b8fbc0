"""How many examples of a property are tried: `--hypothesis-profile quick` tries a few.

No example has a deadline, because a machine may be busy.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("thorough", settings(), deadline=None)
settings.register_profile("quick", settings.get_profile("thorough"), max_examples=20)
settings.load_profile("thorough")
