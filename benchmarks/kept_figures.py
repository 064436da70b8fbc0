"""The figures that are kept in the repository, and the comparison with them.

A figure is the ratio to requests, counted in the same run: another processor, C library or build of Python
changes both alike. Other versions of Python or of the packages change them differently, so the figures belong
to the versions that they were counted with.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["FILE", "KEEP", "TOLERANCE", "Comparison", "compare", "keep", "kept_for", "running_versions"]

FILE = Path(__file__).with_name("kept_figures.json")

#: The command that writes the file.
KEEP = "python -m benchmarks.instructions --keep"

#: A larger difference, as a fraction of the kept figure, is one.
TOLERANCE = 0.03

_PACKAGES = ("requests", "urllib3", "msgspec")


@dataclass(frozen=True)
class Comparison:
    """What differs from the kept figures, one line for each.

    Attributes:
        above: What is too expensive, or cannot be compared.
        below: What has become cheaper.
    """

    above: list[str]
    below: list[str]


def compare(counted: Mapping[str, float], kept: Mapping[str, float]) -> Comparison:
    """Compare ratios to requests with the kept ones.

    Args:
        counted: By case, as the ratio to requests.
        kept: The same, from the file.
    """
    above, below = [], []
    for case in sorted({*counted, *kept}):
        if case not in kept:
            above.append(f"{case}: {counted[case]:.4f} × requests, and no figure is kept: run `{KEEP}`")
        elif case not in counted:
            above.append(f"{case}: a figure is kept, and the case is not counted any more: run `{KEEP}`")
        else:
            change = counted[case] / kept[case] - 1
            side = "above" if change > 0 else "below"
            line = (
                f"{case}: {counted[case]:.4f} × requests, {abs(change):.1%} {side} the kept {kept[case]:.4f}"
            )
            if change > TOLERANCE:
                above.append(f"{line}: make it cheaper, or run `{KEEP}` and give the reason in the commit")
            elif change < -TOLERANCE:
                below.append(f"{line}: run `{KEEP}` to keep the better figure")
    return Comparison(above, below)


def running_versions() -> dict[str, str]:
    """The versions that figures belong to: the minor version of Python, and the packages."""
    return {"Python": ".".join(platform.python_version_tuple()[:2])} | {
        name: version(name) for name in _PACKAGES
    }


def kept_for(versions: Mapping[str, str], file: Path = FILE) -> dict[str, float]:
    """The kept figures of these versions.

    Raises:
        LookupError: None are kept for them. The message is one line.
    """
    entries = _read(file)
    for entry in entries:
        if entry["versions"] == dict(versions):
            figures: dict[str, float] = entry["figures"]
            return figures
    kept = "; ".join(_named(entry["versions"]) for entry in entries) or "none"
    raise LookupError(f"no figures are kept for {_named(versions)} (kept: {kept}): run `{KEEP}`")


def keep(counted: Mapping[str, float], versions: Mapping[str, str], file: Path = FILE) -> None:
    """Write the figures to the file. They replace those of the same version of Python."""
    others = [entry for entry in _read(file) if entry["versions"]["Python"] != versions["Python"]]
    figures = {case: round(ratio, 4) for case, ratio in counted.items()}
    entries = [*others, {"versions": dict(versions), "figures": figures}]
    entries.sort(key=lambda entry: [int(part) for part in entry["versions"]["Python"].split(".")])
    file.write_text(json.dumps(entries, indent=2) + "\n")


def _read(file: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
    return entries


def _named(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
