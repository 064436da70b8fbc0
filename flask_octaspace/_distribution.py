"""Refuses to go on with the other package called `octaspace`; imported before anything that needs ours."""

from __future__ import annotations

import octaspace

if getattr(octaspace, "__distribution__", None) != "Flask-OctaSpace":
    _found = (getattr(octaspace, "__path__", None) or ["?"])[0]
    raise ImportError(
        "flask_octaspace needs the octaspace package of the distribution Flask-OctaSpace; the one in "
        f"{_found} is the unrelated distribution octaspace. Remove both, then install ours: "
        "pip uninstall octaspace Flask-OctaSpace; pip install Flask-OctaSpace"
    )
