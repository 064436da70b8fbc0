"""Properties are tested on a busy machine too: an example may take its time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no deadline", settings(), deadline=None)
settings.load_profile("no deadline")
