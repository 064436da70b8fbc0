"""The options of `bin/playground`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Final

from octaspace.sandbox.datasets.registry import DATASETS

__all__ = ["parse"]

_SEED: Final = 7
_DATASET: Final = "default"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; exit with 2 if it is wrong.

    Args:
        arguments: The command line; `sys.argv` by default.

    Returns:
        port, host, workers, threads, seed, dataset, and the addresses of a shared sandbox as sandbox_url.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    options.sandbox_url = [
        url.strip() for given in options.sandbox_url for url in given.split(",") if url.strip()
    ]
    if options.sandbox_url and not (options.seed is None and options.dataset is None):
        parser.error("--seed and --dataset are options of the sandbox: give them to bin/sandbox")
    options.seed = _SEED if options.seed is None else options.seed
    options.dataset = options.dataset or _DATASET
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bin/playground",
        description="The OctaSpace playground with its own sandbox. "
        "With OCTA_API_KEY set, it uses the live API; each browser can choose another target.",
    )
    parser.add_argument(
        "--port", type=_number(0, 65535), default=3000, help="port of the web app (default 3000; 0: any)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--workers", type=_number(1, 64), default=2, help="Gunicorn workers (default 2)")
    parser.add_argument(
        "--threads", type=_number(1, 256), default=8, help="pages that a worker makes at once (default 8)"
    )
    parser.add_argument(
        "--sandbox-url", action="append", default=[], metavar="URL[,URL]",
        help="use this sandbox, which bin/sandbox has started, and start none; repeatable",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help=f"seed of the sandbox's world (default {_SEED})")
    parser.add_argument("--dataset", choices=list(DATASETS), help=f"the sandbox's data (default: {_DATASET})")
    return parser


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return read
