"""A simulated OctaSpace API over real HTTP: state, the live API's quirks, a journal, and faults on switches.

It is the other end of the wire and therefore knows nothing of the SDK: it imports neither `octaspace` nor
`flask_octaspace`. `python -m octaspace.sandbox` runs it alone; `SandboxServer` runs it inside a test.
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
