"""The API's resources: what can be called, and how each call looks on the wire.

A resource knows `Request` and `Response` and nothing of the transport. Every public method that returns a
`Response` is one HTTP call; errors are the tree in `octaspace.errors`.
"""

from .accounts import Accounts
from .apps import Apps
from .idle_jobs import IdleJobs
from .network import Network
from .nodes import Nodes
from .services import Services
from .sessions import Sessions

__all__ = ["Accounts", "Apps", "IdleJobs", "Network", "Nodes", "Services", "Sessions"]
