"""OctaSpace for Flask: per-app configuration, clients that end with their app or context, signals, CLI::

octa = OctaSpace()
octa.init_app(app)
octa.client.nodes.list()
"""

from . import _distribution as _distribution
from .extension import OctaSpace
from .proxy import current_octaspace
from .signals import octaspace_error, octaspace_request, octaspace_response

__all__ = ["OctaSpace", "current_octaspace", "octaspace_error", "octaspace_request", "octaspace_response"]
