"""Waiting until a stop signal, in processes of their own: the handlers are those of a process."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

_START = """
import os, signal, threading
from octaspace.stop_signals import ignore_from_now_on, run_until_stop_signal
"""


def run(script: str) -> str:
    """What the script prints. A wait that no signal ends fails."""
    done = subprocess.run(
        [sys.executable, "-c", _START + textwrap.dedent(script)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_leaves_the_function(name: str) -> None:
    assert run(f"""
        def work(pause):
            os.kill(os.getpid(), signal.{name})
            print("not reached")

        run_until_stop_signal(work)
        os.kill(os.getpid(), signal.{name})
        print("left")
    """) == "left\n"  # fmt: skip


def test_a_signal_that_interrupts_no_wait_of_the_main_thread_ends_its_pause() -> None:
    """The system may give it to another thread, or just before the wait begins."""
    assert run("""
        def send():
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

        def work(pause):
            threading.Timer(0.2, send).start()
            pause(3600)

        run_until_stop_signal(work)
        print("left")
    """) == "left\n"  # fmt: skip


def test_other_signals_do_not_end_a_pause() -> None:
    assert run("""
        signal.signal(signal.SIGUSR1, lambda *_: print("other", flush=True))
        def work(pause):
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
            pause(0.5)
            print("paused")

        run_until_stop_signal(work)
    """) == "other\npaused\n"  # fmt: skip


@pytest.mark.parametrize("seconds", [0, 3600])
def test_an_exception_that_a_finalizer_discards_ends_the_next_pause(seconds: int) -> None:
    assert run(f"""
        import sys
        sys.unraisablehook = lambda _: print("discarded")

        class Finalized:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGTERM)

        def work(pause):
            Finalized()
            print("goes on")
            pause({seconds})
            print("not reached")

        run_until_stop_signal(work)
        print("left")
    """) == "discarded\ngoes on\nleft\n"  # fmt: skip


def test_without_a_signal_the_handlers_of_before_are_back() -> None:
    assert run("""
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        def work(pause):
            pause(0.01)

        run_until_stop_signal(work)
        print(before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))
        print(signal.set_wakeup_fd(-1))
    """) == "True\n-1\n"  # fmt: skip


def test_the_result_of_the_function() -> None:
    assert run("print(run_until_stop_signal(lambda pause: 7))") == "7\n"


def test_a_signal_in_any_instruction_of_the_module_ends_it() -> None:
    """Also before the function is called, and after it has returned."""
    assert run("""
        import sys
        import octaspace.stop_signals as module

        results = set()

        def interrupted_at(position):
            left = position

            def trace(frame, event, _):
                nonlocal left
                if frame.f_code.co_filename != module.__file__:
                    return None
                frame.f_trace_opcodes = True
                if event == "opcode":
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGTERM)
                return trace

            signal.signal(signal.SIGTERM, lambda *_: None)
            sys._getframe().f_trace_opcodes = True  # Python 3.12 looks here
            sys.settrace(trace)
            results.add(run_until_stop_signal(lambda pause: pause(0) or "worked"))
            sys.settrace(None)
            sys.unraisablehook = sys.__unraisablehook__
            return left <= 0

        position = 1
        while interrupted_at(position):
            position += 1
        print(position > 100, sorted(results, key=str))
    """) == "True [None, 'worked']\n"  # fmt: skip


def test_signals_that_arrive_while_they_become_ignored_report_nothing() -> None:
    """Thousands of times, with a thread that may receive them: the moment is a few instructions long."""
    assert run("""
        import subprocess, sys, time
        send = f"import os\\nwhile True: os.kill({os.getpid()}, 15)"
        sender = subprocess.Popen([sys.executable, "-c", send])
        ended = threading.Event()
        threading.Thread(target=ended.wait).start()
        heard = 0

        def hear(*_):
            global heard
            heard += 1

        for _ in range(20_000):
            signal.signal(signal.SIGTERM, hear)
            sys.unraisablehook = sys.__unraisablehook__
            sum(range(50))
            ignore_from_now_on([signal.SIGTERM])
        sender.kill()
        ended.set()
        print(heard > 0)
    """) == "True\n"  # fmt: skip


def test_other_errors_that_cannot_be_raised_are_reported_after_it() -> None:
    assert run("""
        import sys
        sys.unraisablehook = lambda problem: print(problem.exc_value)

        class Finalized:
            def __del__(self):
                raise OSError("a disk is full")

        ignore_from_now_on()
        Finalized()
        print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
    """) == "a disk is full\nTrue\n"  # fmt: skip
