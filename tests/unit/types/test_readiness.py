"""Ready, waiting or ended: the words of Q14, and those it does not know."""

from __future__ import annotations

from typing import Any

import pytest

from octaspace.types.readiness import readiness

FIRST_WORDS = ("preparing", "prepared", "configuring", "starting", "deploying", "queued", "provisioning",
               "pending", "building", "pulling", "creating", "created", "initializing")  # fmt: skip


@pytest.mark.parametrize(
    "info",
    [
        {"is_ready": True},
        {"is_ready": True, "progress": "starting"},
        {"is_ready": False, "progress": "service configured"},
        {"progress": "Service  Configured"},
        {"progress": "READY", "finished_at": None, "termination_reason": None},
        {"progress": "running", "finished_at": 0, "termination_reason": ""},
        {"progress": "running", "finished_at": "0"},
        {"is_ready": "true"},
        {"is_ready": 1},
        {"uuid": "s-1", "status": "running"},
        {"uuid": "s-1", "status": "Service configured", "progress": ""},
    ],
)
def test_ready(info: dict[str, Any]) -> None:
    assert readiness(info) == "ready"


@pytest.mark.parametrize("progress", [*FIRST_WORDS, *(f"{word} image".upper() for word in FIRST_WORDS)])
def test_words_that_mean_still_on_its_way(progress: str) -> None:
    assert readiness({"progress": progress, "is_ready": False}) == "waiting"


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"progress": None},
        {"progress": 5},
        {"progress": ""},
        {"progress": "warming up"},
        {"progress": "not ready"},
        {"progress": "image pull finished"},
        {"progress": "build completed"},
        {"is_ready": "false"},
        {"is_ready": 2},
        {"is_ready": "soon"},
        {"status": "running"},
        {"status": "error"},
        {"uuid": "s-1", "status": "queued"},
        {"uuid": "s-1", "status": 200},
        {"uuid": "s-1", "status": "running", "is_ready": False},
        {"uuid": "s-1", "status": "stopped", "progress": "starting"},
    ],
)
def test_what_is_unknown_counts_as_waiting(info: dict[str, Any]) -> None:
    assert readiness(info) == "waiting"


@pytest.mark.parametrize(
    "info",
    [
        {"progress": "failed"},
        {"progress": "Failed to start container"},
        {"progress": "image pull error"},
        {"progress": "error: no space left", "is_ready": True},
        {"progress": "stopped"},
        {"progress": "service stopped"},
        {"progress": "TERMINATED"},
        {"progress": "finished"},
        {"finished_at": 1795424428000},
        {"finished_at": "2026-11-23T12:00:00Z", "is_ready": True},
        {"finished_at": "yesterday"},
        {"finished_at": 10**5000},
        {"termination_reason": 0},
        {"termination_reason": "low balance", "progress": "service configured"},
        {"uuid": "s-1", "status": "stopped"},
        {"uuid": "s-1", "status": "failed", "is_ready": False},
    ],
)
def test_ended(info: dict[str, Any]) -> None:
    assert readiness(info) == "ended"
