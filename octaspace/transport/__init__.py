"""Sends requests: call → endpoints → retry → wire → pool. Lower layers do not call upper ones."""

from .call import Transport
from .clock import SYSTEM_CLOCK, Clock

__all__ = ["SYSTEM_CLOCK", "Clock", "Transport"]
