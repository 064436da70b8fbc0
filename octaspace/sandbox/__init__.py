"""A simulated OctaSpace API over real HTTP, with state, the live API's quirks, a journal and faults.

It needs the standard library only and imports nothing of the SDK, which it shares only HTTP with.
`python -m octaspace.sandbox` runs it in a process, `SandboxServer` inside a test; the pytest plugin has
fixtures for it.
"""

from .api.app import SandboxApp
from .clock import Clock, ManualClock, SystemClock
from .faults.kinds import KINDS, OPTIONS, ErrorBody, Fault, FaultError, FaultKind
from .faults.registry import FaultRegistry
from .http.endpoint import PortInUseError
from .http.server import SandboxServer
from .journal import Entry, Journal
from .world.world import World

__all__ = [
    "KINDS",
    "OPTIONS",
    "Clock",
    "Entry",
    "ErrorBody",
    "Fault",
    "FaultError",
    "FaultKind",
    "FaultRegistry",
    "Journal",
    "ManualClock",
    "PortInUseError",
    "SandboxApp",
    "SandboxServer",
    "SystemClock",
    "World",
]
