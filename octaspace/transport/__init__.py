"""The trip of a request: call → endpoints → retry → wire → pool. Nothing here calls back up."""

from .call import Transport
from .clock import SYSTEM_CLOCK, Clock

__all__ = ["SYSTEM_CLOCK", "Clock", "Transport"]
