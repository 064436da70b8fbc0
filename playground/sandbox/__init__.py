"""A simulated OctaSpace API over real HTTP: state, the live API's quirks, a journal, and faults on switches.

It is the other end of the wire and therefore knows nothing of the SDK: it imports neither `octaspace` nor
`flask_octaspace`. `python -m playground.sandbox` runs it alone; `SandboxServer` runs it inside a test.
"""

from .app import SandboxApp
from .clock import Clock, ManualClock, SystemClock
from .endpoint import PortInUseError
from .fault_board import FaultBoard
from .faults import KINDS, OPTIONS, Fault, FaultError
from .journal import Entry, Journal
from .server import SandboxServer
from .world import World

__all__ = [
    "KINDS",
    "OPTIONS",
    "Clock",
    "Entry",
    "Fault",
    "FaultBoard",
    "FaultError",
    "Journal",
    "ManualClock",
    "PortInUseError",
    "SandboxApp",
    "SandboxServer",
    "SystemClock",
    "World",
]
