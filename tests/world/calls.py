"""Calls for these tests: every read, and a rental, which starts a bill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from octaspace import Client, Response
from octaspace.sandbox import SandboxServer

__all__ = ["READS", "created", "read_everything", "rent"]

READS: dict[str, Callable[[Client], Response[Any]]] = {
    "accounts.profile": lambda client: client.accounts.profile(),
    "accounts.balance": lambda client: client.accounts.balance(),
    "nodes.list": lambda client: client.nodes.list(),
    "nodes.find": lambda client: client.nodes.find(9001),
    "nodes.download_ident": lambda client: client.nodes.download_ident(9001),
    "nodes.download_logs": lambda client: client.nodes.download_logs(9001),
    "sessions.list": lambda client: client.sessions.list(),
    "sessions.list recent": lambda client: client.sessions.list(recent=True),
    "services.session.info": lambda client: client.services.session(_a_session(client)).info(),
    "services.session.logs": lambda client: client.services.session(_a_session(client)).logs(),
    "services.mr.list": lambda client: client.services.mr.list(),
    "services.vpn.list": lambda client: client.services.vpn.list(),
    "services.render.list": lambda client: client.services.render.list(),
    "apps.list": lambda client: client.apps.list(),
    "network.info": lambda client: client.network.info(),
    "idle_jobs.find": lambda client: client.idle_jobs.find(node_id=9001, job_id=41),
    "idle_jobs.logs": lambda client: client.idle_jobs.logs(node_id=9001, job_id=41),
}


def _a_session(client: Client) -> str:
    uuid: str = client.sessions.list().data[0]["uuid"]
    return uuid


def read_everything(client: Client) -> dict[str, Response[Any]]:
    """Each answer, by the name of the call; none is empty."""
    answers = {name: read(client) for name, read in READS.items()}
    assert [name for name, answer in answers.items() if not answer.data] == []
    return answers


def rent(client: Client, name: str = "rental") -> Response[Any]:
    """Rent a machine; the name is in the body, so that calls can be distinguished in the journal."""
    return client.services.mr.create(node_id=9101, disk_size=10, image="ubuntu:24.04", envs={"NAME": name})


def created(sandbox: SandboxServer) -> list[str]:
    """The bodies of the rentals that were carried out, one for each time."""
    return [
        entry.body
        for entry in sandbox.journal.entries()
        if (entry.method, entry.path) == ("POST", "/services/mr") and entry.carried_out
    ]
