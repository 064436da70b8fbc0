"""pyOpenSSL injected into the urllib3 of the 1.26 line."""

# /// script
# dependencies = ["pyopenssl", "urllib3==1.26.20"]
# ///

from __future__ import annotations

import urllib3

from .with_pyopenssl import (
    test_a_certificate_that_nobody_trusts_is_refused,
    test_calls,
    test_limits,
)

__all__ = ["test_a_certificate_that_nobody_trusts_is_refused", "test_calls", "test_limits"]


def test_this_is_the_older_line() -> None:
    assert urllib3.__version__.startswith("1.26.")
