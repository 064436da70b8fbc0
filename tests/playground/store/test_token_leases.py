"""Whether the outcome of a form will still come: its process runs, and renews the lease of its token."""

from __future__ import annotations

from dataclasses import replace

import pytest

from playground.store import Database, OneTimeTokens, TokenUse, one_time_tokens
from playground.store.process_identity import ProcessIdentity
from playground.store.redis import RedisDatabase

from ...support.waiting import until
from .fakes import ended_process, process_elsewhere


def age_lease(database: Database, token: str, seconds: float) -> None:
    """Let the lease of a token be older: no test waits for one."""
    if isinstance(database, RedisDatabase):
        database.client.hincrbyfloat(f"playground:token:a:{token}", "renewed", -seconds)
    else:
        with database.writing() as connection:  # type: ignore[attr-defined]
            connection.execute("UPDATE tokens SET renewed = renewed - ? WHERE token = ?", (seconds, token))


def test_what_a_process_took_along_is_lost(database: Database) -> None:
    mine, ended = OneTimeTokens(database, "a"), OneTimeTokens(database, "a", ended_process())
    mine.claim("runs", {"rental_id": "1"})
    ended.claim("dead", {"rental_id": "2"})
    ended.claim("done")
    ended.finish("done", {"ok": True})
    OneTimeTokens(database, "a", replace(ProcessIdentity.current(), start="1")).claim("id given again")
    assert mine.find("never claimed") is None
    assert mine.find("runs") == TokenUse({"rental_id": "1"}, None, lost=False)
    assert mine.find("dead") == TokenUse({"rental_id": "2"}, None, lost=True)
    assert mine.find("done") == TokenUse({}, {"ok": True}, lost=False)
    assert mine.find("id given again") == TokenUse({}, None, lost=True)


def test_on_another_host_the_lease_decides(database: Database) -> None:
    mine = OneTimeTokens(database, "a")
    OneTimeTokens(database, "a", process_elsewhere()).claim("one")
    age_lease(database, "one", 14)
    assert mine.find("one") == TokenUse({}, None, lost=False)
    age_lease(database, "one", 2)
    assert mine.find("one") == TokenUse({}, None, lost=True)
    database.tokens.renew("a", "one")
    assert mine.find("one") == TokenUse({}, None, lost=False)
    age_lease(database, "one", 16)
    OneTimeTokens(database, "a", process_elsewhere()).finish("one", {"ok": True})
    assert mine.find("one") == TokenUse({}, {"ok": True}, lost=False), "late, and not lost"


def test_an_outcome_that_could_not_be_saved_is_lost_although_the_process_runs(database: Database) -> None:
    mine = OneTimeTokens(database, "a")
    mine.claim("one")
    age_lease(database, "one", 16)
    assert mine.find("one") == TokenUse({}, None, lost=True)


def test_the_lease_is_renewed_while_the_action_runs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_time_tokens, "_RENEWALS_PER_LEASE", 1500)
    mine = OneTimeTokens(database, "a")
    mine.claim("one")
    age_lease(database, "one", 60)
    with mine.renewing("one"):
        until(lambda: mine.find("one") == TokenUse({}, None, lost=False))


def test_a_token_without_a_lease_of_an_older_version_is_lost(database: Database) -> None:
    mine = OneTimeTokens(database, "a")
    mine.claim("one")
    if isinstance(database, RedisDatabase):
        database.client.hset("playground:token:a:one", "owner", "host:1")
        database.client.hdel("playground:token:a:one", "renewed", "result")
    else:
        with database.writing() as connection:  # type: ignore[attr-defined]
            connection.execute("UPDATE tokens SET owner = 'host:1', renewed = 0, result = NULL")
    assert mine.find("one") == TokenUse({}, None, lost=True)
