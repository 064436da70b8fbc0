"""Without a private part of a library, the SDK still does what the tests promise that do not need it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.renamed_parts import MODULES

ROOT = Path(__file__).resolve().parents[2]

ALL = "tests/wire"
TLS = ("tests/wire/test_tls.py", "tests/wire/test_proxies.py")

BODIES = ("tests/wire/test_framing.py", "tests/wire/test_body_limits.py", "tests/wire/test_one_endpoint.py")

FILES: dict[str, tuple[str, ...]] = {
    "_new_conn": (ALL,),
    "_socks_options": ("tests/wire/test_proxies.py",),
    "sslobj": TLS,
    "incoming": TLS,
    "suppress_ragged_eofs": TLS,
    "begin": BODIES,
    "chunked": BODIES,
    "chunk_left": BODIES,
    "length": BODIES,
    "will_close": BODIES,
}

#: Tests of what needs the part.
LOST: dict[str, tuple[str, ...]] = {
    "_new_conn": (
        "test_a_child_has_none_of_its_parents_sockets",
        "test_the_address_that_answered_last_is_tried_first",
        "test_an_address_that_accepts_and_does_not_respond_is_tried_last",
        "test_the_limit_holds_for_all_addresses_together",
        "test_an_interrupt_while_connecting_leaves_no_socket",
        "test_a_socks_proxy_that_is_never_silent_for_long_keeps_to_the_limit",
        "test_the_message_for_an_unreachable_socks_proxy",
    ),
    "_socks_options": (
        "test_a_socks_proxy_that_is_never_silent_for_long_keeps_to_the_limit",
        "test_the_message_for_an_unreachable_socks_proxy",
    ),
    "sslobj": ("test_bytes_after_the_answer_through_an_https_proxy_are_not_the_next_answer",),
    "incoming": ("test_bytes_after_the_answer_through_an_https_proxy_are_not_the_next_answer",),
    "suppress_ragged_eofs": ("test_a_body_without_length_that_tls_ends_is_whole",),
}


def start(name: str) -> subprocess.Popen[str]:
    lost = [f"not {test}" for test in LOST.get(name, ())]
    return subprocess.Popen(
        [
            sys.executable, "-m", "tests.support.renamed_parts", name, "-q", "-n", "0",
            "-p", "no:cacheprovider", "--sample", "tests/wire=functions", f"--ignore={__file__}",
            "-k", " and ".join(lost), *FILES[name],
        ],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.timeout(900)  # a busy machine may take minutes
def test_each_part_can_be_renamed() -> None:
    # The long one mostly waits; the others run one after another beside it.
    long, *others = sorted(MODULES, key=lambda name: FILES[name] != (ALL,))
    wrong = []
    with start(long) as first:
        try:
            for name in others:
                with start(name) as run:
                    wrong += problem(name, run)
            wrong += problem(long, first)
        finally:
            first.kill()
    assert not wrong, "\n\n".join(wrong)


def problem(name: str, run: subprocess.Popen[str]) -> list[str]:
    """The end of the output of a run that failed, or that ran no test."""
    output, _ = run.communicate()
    return [] if run.returncode == 0 and " passed" in output else [f"without {name}:\n{output[-10_000:]}"]
