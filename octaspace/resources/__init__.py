"""The API's resources: the calls, and the HTTP request of each.

A resource uses `Request` and `Response`; it does not depend on the transport. Every public method that
returns a `Response` is one HTTP call; it raises the errors of `octaspace.errors`.
"""

from .accounts import Accounts
from .apps import Apps
from .idle_jobs import IdleJobs
from .network import Network
from .nodes import Nodes
from .services import Services
from .sessions import Sessions

__all__ = ["Accounts", "Apps", "IdleJobs", "Network", "Nodes", "Services", "Sessions"]
