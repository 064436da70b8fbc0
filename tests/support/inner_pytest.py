"""Tests that another pytest runs, in namespaces; this one selects them and reports the results.

The outer pytest collects and selects as always. For each test of the folder it names the node to an inner
pytest, which lives as long as the session, and passes on the inner one's reports as its own. So `-k`,
`-x`, `--lf`, `--durations` and pytest-xdist work as they do elsewhere, and fixtures of the session are
set up once.

This module is the outer part, and the plugin that the inner pytest is started with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from .namespaces import ROOT, command, new_folder

_OPTION = "--inner-pytest"

#: Seconds that this pytest waits longer than the limit of a test: the inner one can say where it was.
_GRACE = 10


class InnerPytest:
    """A pytest in namespaces that runs one test after the other on request.

    Args:
        config: The outer session's.
        items: The tests it may run.
    """

    def __init__(self, config: pytest.Config, items: Sequence[pytest.Item]) -> None:
        self._config = config
        self._files = sorted({str(item.path) for item in items})
        for item in items:
            limit = self._limit_of(item)
            if limit:
                item.add_marker(pytest.mark.timeout(limit + _GRACE), append=False)
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: Connection | None = None
        self._reports: Connection | None = None
        self._folder: Path | None = None

    def run(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Run a test and pass its reports to the plugins of this session.

        Args:
            item: The test.
            nextitem: The next one for the inner pytest; its fixtures that this one needs stay set up.
        """
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        call = pytest.CallInfo.from_call(
            lambda: self._exchange(item, nextitem),
            when="call",
            reraise=(KeyboardInterrupt, pytest.exit.Exception),
        )
        if call.excinfo is not None:  # a timeout, or the inner pytest has ended
            self.close(kill=True)
            report = pytest.TestReport.from_item_and_call(item, call)
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def close(self, *, kill: bool = False) -> None:
        """Let the inner pytest tear down its fixtures and end."""
        if self._process is None:
            return
        assert self._orders is not None
        assert self._reports is not None
        assert self._folder is not None
        self._orders.close()
        try:
            self._process.wait(0.1 if kill else 60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reports.close()
        shutil.rmtree(self._folder)
        self._process = self._orders = self._reports = self._folder = None

    def _exchange(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        if self._process is None:
            self._start()
        assert self._orders is not None
        assert self._reports is not None
        assert self._folder is not None
        try:
            self._orders.send((item.nodeid, nextitem and nextitem.nodeid))
            while (data := self._reports.recv()) is not None:
                report = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
                item.ihook.pytest_runtest_logreport(report=report)
            return
        except (EOFError, BrokenPipeError):
            pass
        log = self._folder / "log"
        said = log.read_text(errors="replace")[-4000:] if log.exists() else ""
        pytest.fail(f"the pytest in the namespaces has ended\n{said}", pytrace=False)

    def _start(self) -> None:
        self._folder = new_folder()
        their_orders, orders = os.pipe()
        reports, their_reports = os.pipe()
        self._orders = Connection(orders, readable=False)
        self._reports = Connection(reports, writable=False)
        words = [sys.executable, "-m", "pytest", "-p", __name__, f"{_OPTION}={their_orders},{their_reports}"]
        words += [*self._options(), f"--rootdir={self._config.rootpath}", "--", *self._files]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))
        }
        shown = self._config.getoption("capture") == "no"
        try:
            with open(os.devnull if shown else self._folder / "log", "wb") as log:
                self._process = subprocess.Popen(
                    command(self._folder, *words),
                    cwd=ROOT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=None if shown else log,
                    stderr=None if shown else log,
                    pass_fds=(their_orders, their_reports),
                )
        finally:
            os.close(their_orders)
            os.close(their_reports)

    def _options(self) -> list[str]:
        """The options for the output of failures and for time limits."""
        option = self._config.getoption
        words = ["-p", "no:cacheprovider", "-p", "no:xdist", f"--tb={option('tbstyle')}"]
        words += ["-v"] * max(0, option("verbose"))
        words += ["--showlocals"] if option("showlocals") else []
        words += ["--capture=no"] if option("capture") == "no" else []
        words += [] if option("timeout", None) is None else [f"--timeout={option('timeout')}"]
        return words

    def _limit_of(self, item: pytest.Item) -> float:
        marker = item.get_closest_marker("timeout")
        if marker is not None:
            return float(marker.args[0] if marker.args else marker.kwargs["timeout"])
        given = self._config.getoption("timeout", None)
        return float(self._config.getini("timeout") or 0) if given is None else float(given)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(_OPTION, metavar="FD,FD", help="where orders come from, and where reports go")


def pytest_configure(config: pytest.Config) -> None:
    orders, reports = map(int, config.getoption(_OPTION).split(","))
    for descriptor in (orders, reports):
        os.set_inheritable(descriptor, False)  # a server that a test starts must not hold them open
    inner = _Inner(config, Connection(orders, writable=False), Connection(reports, readable=False))
    config.pluginmanager.register(inner)


class _Inner:
    """Runs the tests that are named on a pipe, and reports on another."""

    def __init__(self, config: pytest.Config, orders: Connection, reports: Connection) -> None:
        self._config, self._orders, self._reports = config, orders, reports

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests could not be collected")
        items = {item.nodeid: item for item in session.items}
        while True:
            try:
                name, following = self._orders.recv()
            except EOFError:
                return True
            self._config.hook.pytest_runtest_protocol(item=items[name], nextitem=items.get(following))
            self._reports.send(None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._reports.send(data)
