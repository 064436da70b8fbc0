"""eventlet's green threads, the process patched before octaspace is imported or after it."""

# /// script
# dependencies = ["eventlet"]
# ///

from __future__ import annotations

import pytest

from .green_threads import (
    Green,
    test_green_threads_share_a_client,
    test_one_that_waits_lets_the_others_run_and_keeps_its_limit,
    test_patched_late,
    test_patched_too_late_for_tls_is_refused,
)

__all__ = [
    "test_green_threads_share_a_client",
    "test_one_that_waits_lets_the_others_run_and_keeps_its_limit",
    "test_patched_late",
    "test_patched_too_late_for_tls_is_refused",
]

PATCH = """
import warnings
warnings.simplefilter("ignore")
import eventlet
eventlet.monkey_patch()
"""
NAMES = """
spawn, sleep = eventlet.spawn, eventlet.sleep
def gather(function, numbers):
    return list(eventlet.GreenPool(40).imap(function, numbers))
"""


@pytest.fixture
def green() -> Green:
    return Green(PATCH, NAMES)
