"""Without a private part of a library, the SDK still does what the tests promise that do not need it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

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
    "begin": (ALL,),
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


def test_each_part_can_be_renamed() -> None:
    wrong = []
    with ExitStack() as stack:
        runs = {name: stack.enter_context(start(name)) for name in MODULES}  # they mostly wait
        try:
            for name, run in runs.items():
                output, _ = run.communicate()
                if run.returncode or " passed" not in output:
                    wrong.append(f"without {name}:\n{output[-10_000:]}")
        finally:
            for run in runs.values():
                run.kill()
    assert not wrong, "\n\n".join(wrong)
