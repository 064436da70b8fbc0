"""`.ci/parts.bash`: parallel parts of CI, their output, and the effect of a failure."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from ..support.running_playground import ROOT, bare_environment
from ..support.waiting import until

pytestmark = pytest.mark.skipif(shutil.which("setsid") is None, reason="no setsid (Debian: util-linux)")


def start(folder: Path, parts: str) -> subprocess.Popen[str]:
    script = f"set -euo pipefail\nsource {ROOT}/.ci/parts.bash\n{parts}"
    return subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder, env=bare_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def run(folder: Path, parts: str) -> tuple[int, list[str]]:
    """Exit code and output lines without times."""
    process = start(folder, parts)
    shown = process.communicate(timeout=60)[0]
    return process.returncode, [re.sub(r"\d+ s\b", "N s", line).rstrip() for line in shown.splitlines()]


def runs(pid: str) -> bool:
    try:
        return "(zombie)" not in Path("/proc", pid, "status").read_text()
    except OSError:
        return False


def test_output_of_parts_is_shown_in_order(tmp_path: Path) -> None:
    code, lines = run(
        tmp_path,
        """
        part "first" bash -c '
            echo one
            until [ -s second ]; do sleep 0.02; done
            while kill -0 $(cat second) 2>/dev/null; do sleep 0.02; done
            echo two'
        part "second" bash -c 'echo "three  four"; echo $PPID >second'
        together 2
        """,
    )
    assert code == 0
    assert lines == [
        "== first: started at N s",
        "== second: started at N s",
        "== second: passed after N s, N s of CPU time, exit code 0",
        "three  four",
        "== first: passed after N s, N s of CPU time, exit code 0",
        "one",
        "two",
        "== all parts (N s): duration, CPU time",
        "    N s     N s  passed  second",
        "    N s     N s  passed  first",
    ]


def test_the_summary_of_pytest_is_in_the_last_lines(tmp_path: Path) -> None:
    code, lines = run(
        tmp_path,
        """
        part "quiet" echo '2 passed, 1 skipped in 3.21s'
        part "loud" echo '===== 7 passed in 100.00s (0:01:40) ====='
        together 1
        """,
    )
    assert code == 0
    assert [line.split() for line in lines[-2:]] == [
        ["N", "s", "N", "s", "passed", "quiet", "2", "passed,", "1", "skipped", "in", "3.21s"],
        ["N", "s", "N", "s", "passed", "loud", "7", "passed", "in", "100.00s", "(0:01:40)"],
    ]


def test_failure_stops_running_parts_and_starts_no_more(tmp_path: Path) -> None:
    code, lines = run(
        tmp_path,
        """
        part "beside" bash -c '
            until [ -s failed ]; do sleep 0.02; done
            while kill -0 $(cat failed) 2>/dev/null; do sleep 0.02; done
            echo whole'
        part "bad" bash -c 'echo $PPID >failed; echo reason; exit 3'
        part "later" echo never
        together 2
        part "in the end" echo never
        together 1
        """,
    )
    assert code == 1
    assert "never" not in lines
    assert "reason" in lines
    assert "whole" in lines
    assert "== bad: FAILED after N s, N s of CPU time, exit code 3" in lines
    assert "    N s     N s  FAILED  bad" in lines
    assert lines[-1] == "== FAILED: bad"


def test_one_at_a_time(tmp_path: Path) -> None:
    code, lines = run(tmp_path, "part a test ! -e x; part b touch x; part c test -e x; together 1")
    assert code == 0
    assert [line for line in lines if "started" in line or "after" in line] == [
        f"== {name}: {what}"
        for name in "abc"
        for what in ("started at N s", "passed after N s, N s of CPU time, exit code 0")
    ]


def test_cpu_time_includes_all_child_processes(tmp_path: Path) -> None:
    busy = "python3 -c 'import time\nwhile time.process_time() < 1.2: pass'"
    process = start(tmp_path, f'part "busy" bash -c "{busy}; {busy}"\ntogether 1')
    shown = process.communicate(timeout=60)[0]
    found = re.search(r"passed after \d+ s, (\d+) s of CPU time", shown)
    assert found is not None, shown
    assert 2 <= int(found[1]) <= 20


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_no_processes(tmp_path: Path, number: signal.Signals) -> None:
    process = start(
        tmp_path,
        """
        part "with a child" bash -c 'sleep 600 & echo $! > child; wait'
        part "alone" bash -c 'echo $$ > alone; exec sleep 600'
        together 2
        """,
    )
    written = [tmp_path / "child", tmp_path / "alone"]
    until(lambda: all(path.exists() and path.read_text() for path in written))
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 130
    until(lambda: not any(runs(path.read_text().strip()) for path in written))
