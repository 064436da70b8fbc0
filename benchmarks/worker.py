"""One library in a separate process: reads commands as JSON lines, and writes figures as JSON lines.

{"do": "open", "contender": "requests", "url": "http://127.0.0.1:8000", "keep_alive": true, "threads": 1}
{"do": "time", "call": "balance", "calls": 500, "threads": 1}    -> {"seconds": 0.000123}, per call
{"do": "memory"}                                                 -> {"kib": 41234}, resident
{"do": "each", "call": "balance", "calls": 21}                   -> {"seconds": [0.0004, …]}
{"do": "stats"}                                                  -> transport_stats() of octaspace
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.contenders import CONTENDERS


class Worker:
    """Runs commands for one library at a time."""

    def __init__(self) -> None:
        self._contender: Any = None

    def open(self, contender: str, **options: Any) -> dict[str, Any]:
        if options.pop("hooks", False):
            options.update(on_request=lambda request: None, on_response=lambda response: None)
        if self._contender is not None:
            self._contender.close()
        self._contender = CONTENDERS[contender](**options)
        return {}

    def time(self, call: str, calls: int, threads: int = 1) -> dict[str, Any]:
        function = getattr(self._contender, call)
        if threads == 1:
            gc.collect()
            began = time.perf_counter()
            for _ in range(calls):
                function()
            return {"seconds": (time.perf_counter() - began) / calls}
        return {"seconds": self._in_threads(function, calls // threads, threads) / calls}

    @staticmethod
    def _in_threads(function: Any, calls: int, threads: int) -> float:
        """Seconds from the first call of the first thread to the last call of the last thread."""
        start = threading.Barrier(threads)
        began: list[float] = []
        ended: list[float] = []

        def work() -> None:
            function()  # opens the connection
            start.wait()
            began.append(time.perf_counter())
            for _ in range(calls):
                function()
            ended.append(time.perf_counter())

        running = [threading.Thread(target=work) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return max(ended) - min(began)

    def each(self, call: str, calls: int) -> dict[str, Any]:
        function = getattr(self._contender, call)
        seconds = []
        for _ in range(calls):
            began = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - began)
        return {"seconds": seconds}

    def memory(self) -> dict[str, Any]:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return {"kib": pages * os.sysconf("SC_PAGE_SIZE") // 1024}

    def stats(self) -> dict[str, Any]:
        return {"stats": self._contender.client.transport_stats()}


def main() -> None:
    """Run commands until standard input is closed."""
    worker = Worker()
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(worker, order.pop("do"))(**order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
