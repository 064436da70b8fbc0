"""One test per quirk of the live API that concerns payloads, each under its number."""

from __future__ import annotations

import base64
import gzip
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

import octaspace
from octaspace import types

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
NOON_SECONDS = int(NOON.timestamp())


def session(**fields: Any) -> types.Session:
    return types.Session.from_api({"uuid": "s-1", **fields})


def offer(**fields: Any) -> types.MachineOffer:
    return types.MachineOffer.from_api({"node_id": 1, **fields})


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ([5000, 6000], (5000, 6000)),
        ("[5000,6000]", (5000, 6000)),
        ('["5000", 6000]', (5000, 6000)),
        ("[]", ()),
        ([], ()),
        ("", ()),
        (None, ()),
    ],
)
def test_q3_port_lists_come_as_lists_or_as_json_text(sent: Any, read: tuple[int, ...]) -> None:
    app = types.App.from_api({"uuid": "a", "ports": sent, "http_ports": sent})
    assert (app.ports, app.http_ports) == (read, read)
    assert app.extra == {}
    assert types.App.from_api({"uuid": "a"}).ports == ()


@pytest.mark.parametrize("sent", ["not a list", "[22,", "{}", "22", 22, [22, "ssh"], [70_000], "[" * 100_000])
def test_q3_what_does_not_parse_is_an_empty_list(sent: Any) -> None:
    app = types.App.from_api({"uuid": "a", "ports": sent})
    assert app.ports == ()
    assert app.extra == {"ports": sent}


@pytest.mark.parametrize(
    ("sent", "mbits"),
    [
        (872_229_553, 6977.836424),
        ("872229553", 6977.836424),
        (100_001, 0.800008),
        (100_000, 100_000),
        (900, 900),
        ("941.5", 941.5),
        (0, None),
        ("0", None),
        (None, None),
    ],
)
def test_q4_bandwidth_is_in_mbits_or_bytes(sent: Any, mbits: float | None) -> None:
    machine = offer(net_down_mbits=sent, net_up_mbits=sent)
    assert (machine.net_down_mbits, machine.net_up_mbits) == (mbits, mbits)
    relay = types.VpnRelay.from_api({"node_id": 1, "net_down_mbits": sent, "net_up_mbits": sent})
    assert (relay.net_down_mbits, relay.net_up_mbits) == (mbits, mbits)
    assert machine.extra == relay.extra == {}


def test_q5_each_unit_of_a_price_is_read_and_kept_as_it_came() -> None:
    sent = {"base": "3400000000000000000", "base_ether": 3.4, "base_usd": 3400}
    machine = offer(total_price_usd=0.4371, total_price_wei=4_203_000_000_000_000_000, **sent)
    assert machine.price_usd == Decimal("0.4371")
    assert machine.price_wei == 4_203_000_000_000_000_000
    assert machine.total.octa == Decimal("4.203")
    assert machine.base.wei == 3_400_000_000_000_000_000
    assert machine.base.usd == Decimal("0.34")
    assert machine.base.raw == sent
    assert machine.extra == {}


def test_q5_only_base_usd_and_traffic_usd() -> None:
    machine = offer(base_usd=3400, traffic_usd=12)
    assert (machine.price_usd, machine.price_wei) == (Decimal("0.34"), None)
    assert machine.traffic.usd == Decimal("0.0012")
    assert machine.storage == types.Price()
    assert offer().price_usd is None


def test_q5_wei_comes_from_octa_where_there_is_no_wei() -> None:
    machine = offer(total_price_ether=0.1, storage_ether=0.001)
    assert machine.price_wei == 10**17
    assert machine.storage.wei == 10**15
    assert machine.price_usd is None


def test_q5_octa_that_cannot_be_read_is_kept() -> None:
    for sent in ("x", 1e-19, [], True):
        machine = offer(total_price_ether=sent)
        assert machine.price_wei is None
        assert machine.extra == {"total_price_ether": sent}


def test_q5_a_fraction_of_a_ten_thousandth_is_not_guessed_at() -> None:
    machine = offer(base_usd=0.34)
    assert machine.price_usd is None
    assert machine.base.raw == machine.extra == {"base_usd": 0.34}


def test_q5_prices_of_a_session() -> None:
    prices = session(prices={"base_usd": 4300, "currency_usd": True, "market_price": 0.104}).prices
    assert prices is not None
    assert prices.base.usd == Decimal("0.43")
    assert prices.base.raw == {"base_usd": 4300}
    assert prices.market_price == Decimal("0.104")


def test_q6_config_is_text_or_the_address_of_a_proxy() -> None:
    assert session(config="[Interface]\n").config == "[Interface]\n"
    assert session(config={"ip": "198.51.100.22", "port": 3128}).config == types.HttpProxy(
        "198.51.100.22", 3128
    )
    assert session(vpn_config="[Interface]\n").config == "[Interface]\n"
    assert session().config is None
    unreadable = session(config={"ip": "198.51.100.22"})
    assert unreadable.config is None
    assert unreadable.extra == {"config": {"ip": "198.51.100.22"}}


def test_q7_both_envelopes_of_a_node_make_the_same_node() -> None:
    hardware = {"arch": "x86_64", "cpu_cores": 32, "gpus": [{"model": "NVIDIA H100", "mem_total_mb": 81559}]}
    common = {"id": 9001, "ip": "203.0.113.10", "state": "online", "vrf_dt": "2026-11-23T12:00:00Z"}
    listed = types.Node.from_api(
        {
            **common,
            "osn": "2.4.1",
            "uptime": 60,
            "location": {"city": "Frankfurt", "country": "Germany"},
            "prices": {"base": 10**18},
            "system": {**hardware, "memory": {"free": 5, "size": 9}},
        }
    )
    detail = types.Node.from_api(
        {
            **common,
            "location": {"city": "Frankfurt", "country": "Germany", "isocode": "DE"},
            "reliability": {"uptime": 94.5, "rating": {"count": 3, "score": 4.8}},
            "features": ["gpu"],
            "data": {
                **hardware,
                "memory": {"free_memory": 5, "total_memory": 9, "cached_memory": 2},
                "version": "2.4.1",
                "uptime": 60,
            },
        }
    )
    for node in (listed, detail):
        assert node.extra == {}
        assert (node.id, node.ip, node.osn, node.uptime, node.vrf_dt) == (
            9001, "203.0.113.10", "2.4.1", 60, NOON,
        )  # fmt: skip
        assert node.online
        assert node.system is not None
        assert node.system.memory is not None
        assert (node.system.memory.free, node.system.memory.size) == (5, 9)
        assert node.system.gpus[0].memory_gb == 81.559
        assert node.location is not None
        assert node.location.city == "Frankfurt"
    assert listed.prices == types.NodePrices(base=10**18)
    assert (listed.reliability, detail.prices) == (None, None)
    assert detail.reliability == types.Reliability(uptime=94.5, rating=types.Rating(3, 4.8))
    assert detail.features == ("gpu",)


@pytest.mark.parametrize(
    ("sent", "amount"),
    [
        (1_234_567_890_123_456_789_012, 1_234_567_890_123_456_789_012),
        ("1234567890123456789012", 1_234_567_890_123_456_789_012),
        (2**256, 2**256),
        (0, 0),
        ("0", 0),
        (123.45, 123_450_000_000_000_000_000),
        ("123.45", 123_450_000_000_000_000_000),
        (0.1, 100_000_000_000_000_000),
        (1e-18, 1),
        (100.0, 100 * 10**18),
        (1.5e21, 1_500_000_000_000_000_000_000),
    ],
)
def test_q8_money_is_wei_and_never_went_through_a_float(sent: Any, amount: int) -> None:
    balance = types.Balance.from_api({"balance": sent})
    assert balance.amount == amount
    assert type(balance.amount) is int
    account = types.Account.from_api({"account_uuid": "a", "balance": sent})
    assert account.balance == session(charge_amount=sent).charge_amount == amount


def test_q8_an_older_balance_names_its_currency() -> None:
    assert types.Balance.from_api({"balance": 123.45, "currency": "OCTA"}).octa == Decimal("123.45")
    with pytest.raises(
        octaspace.UnexpectedShapeError, match=r"Balance\.from_api: currency must be OCTA, not 'USD'"
    ):
        types.Balance.from_api({"balance": 123.45, "currency": "USD"})


@pytest.mark.parametrize("sent", [None, "", "twelve", True, float("nan"), float("inf"), 1e-19, [], {}])
def test_q8_a_balance_that_is_no_money_is_an_error(sent: Any) -> None:
    with pytest.raises(
        octaspace.UnexpectedShapeError, match=r"Balance\.from_api: balance must be an amount of money"
    ):
        types.Balance.from_api({"balance": sent})


def test_q9_numbers_come_as_strings() -> None:
    read = session(duration="28", rx="12345", tx="0", charge_amount="142857142857142857")
    assert (read.duration, read.rx, read.tx) == (28, 12345, 0)
    assert read.charge_amount == 142_857_142_857_142_857
    assert session(duration="28.5").duration == 28.5
    assert types.Node.from_api({"id": "9001"}).id == 9001


@pytest.mark.parametrize(
    "sent",
    [
        NOON_SECONDS * 1000,
        NOON_SECONDS,
        str(NOON_SECONDS * 1000),
        float(NOON_SECONDS),
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:00",
        "2026-11-23 12:00:00+00:00",
        "2026-11-23T13:00:00+01:00",
        "2026-11-23T17:30:00.000000000+0530",
        "2026-11-23T12:00:00.0Z",
    ],
)
def test_q9_times_come_in_three_notations(sent: Any) -> None:
    read = session(started_at=sent, finished_at=sent)
    assert read.started_at == read.finished_at == NOON
    assert read.started_at.utcoffset() is not None
    assert read.started_at.tzinfo is timezone.utc


def test_q9_parts_of_a_second_are_kept() -> None:
    assert session(started_at=NOON_SECONDS * 1000 + 250).started_at == NOON.replace(microsecond=250_000)
    read = session(started_at="2026-11-23T12:00:00.123456789Z").started_at
    assert read == NOON.replace(microsecond=123_456)
    assert session(started_at="2026-11-23").started_at == NOON.replace(hour=0)


@pytest.mark.parametrize("sent", [None, 0, "0", ""])
def test_q9_no_time(sent: Any) -> None:
    assert session(finished_at=sent) == session()


@pytest.mark.parametrize(
    "sent", [-1, "-1", "yesterday", "2026-13-01T00:00:00Z", 10**30, -(10**40), True, [], "12:00"]
)
def test_q9_a_time_that_cannot_be_read(sent: Any) -> None:
    read = session(finished_at=sent)
    assert read.finished_at is None
    assert read.extra == {"finished_at": sent}


def test_q10_container_id_is_a_list_or_one_string_or_absent() -> None:
    assert session(container_id=["c1", "c2"]).container_id == ("c1", "c2")
    assert session(container_id="c1").container_id == ("c1",)
    assert session().container_id == session(container_id="").container_id == ()
    odd = session(container_id={"id": "c1"})
    assert (odd.container_id, odd.extra) == ((), {"container_id": {"id": "c1"}})


def test_q11_idle_job_logs_come_in_three_shapes() -> None:
    packed = base64.b64encode(gzip.compress("Epoch 1\nEpoch 2 é".encode())).decode()
    lines = {"data": [{"line": 1, "text": "Epoch 1"}, {"line": 2, "text": "Epoch 2 é"}]}
    for sent in ({"data": packed}, lines, ["Epoch 1", "Epoch 2 é"]):
        logs = types.IdleJobLogs.from_api(sent)  # type: ignore[arg-type]
        assert logs.lines == ("Epoch 1", "Epoch 2 é")
        assert logs.extra == {}


def test_q12_offers_and_sessions_are_different_types() -> None:
    with pytest.raises(
        octaspace.UnexpectedShapeError, match=r"Session\.from_api: uuid must be a string: it is missing"
    ):
        types.Session.from_api({"node_id": 9101, "country": "Germany"})
    with pytest.raises(
        octaspace.UnexpectedShapeError,
        match=r"MachineOffer\.from_api: node_id must be an integer: it is missing",
    ):
        types.MachineOffer.from_api({"uuid": "s-1"})


def test_q13_session_logs() -> None:
    logs = types.SessionLogs.from_api(
        {
            "system": [{"ts": NOON_SECONDS * 1000, "msg": "Pulling\nStatus: done\n"}, {"ts": 0, "msg": "Up"}],
            "container": "listening\r\n\nrow 2",
        }
    )
    assert logs.system[0] == types.LogEntry(time=NOON, message="Pulling\nStatus: done\n")
    assert logs.system[1].time is None
    assert logs.lines == ("Pulling", "Status: done", "Up", "listening", "", "row 2")


def test_q13_session_logs_in_their_older_shape() -> None:
    logs = types.SessionLogs.from_api(["Pulling\nStatus: done\n", "listening"])
    assert logs.lines == ("Pulling", "Status: done", "listening")
    assert types.SessionLogs.from_api([]) == types.SessionLogs()


def test_q13_session_logs_as_a_list_of_messages_with_times() -> None:
    at = NOON.isoformat()
    logs = types.SessionLogs.from_api(
        [{"timestamp": at, "level": "info", "message": "Up"}, {"timestamp": at, "message": "Model\nloaded"}]
    )
    assert logs.lines == ("Up", "Model", "loaded")
    assert logs.system[0] == types.LogEntry(time=NOON, message="Up", extra={"level": "info"})
    assert logs.container == ""


@pytest.mark.parametrize("data", [[{"level": "info"}], [{"message": 5}], [None]])
def test_q13_a_list_of_other_things_is_an_error(data: list[Any]) -> None:
    with pytest.raises(
        octaspace.UnexpectedShapeError, match=r"^SessionLogs\.from_api: line \d must be a string, not"
    ):
        types.SessionLogs.from_api(data)


def test_q13_messages_and_output_as_lists_of_lines() -> None:
    logs = types.SessionLogs.from_api({"system": ["Pulling\ndone", "Up"], "container": ["a", "b\n"]})
    assert logs.lines == ("Pulling", "done", "Up", "a", "b")
    assert [entry.time for entry in logs.system] == [None, None]
    odd = types.SessionLogs.from_api({"system": ["Up", 5], "container": ["a", 5]})
    assert (odd.lines, odd.extra) == (("Up", "a"), {"system": ["Up", 5], "container": ["a", 5]})


@pytest.mark.parametrize(
    ("data", "lines", "extra"),
    [
        ([{"message": "Up"}, "Down"], ("Up", "Down"), {}),
        ([{"ts": 1, "msg": "Up"}, {"ts": 2}, {"msg": None}, {"msg": "Down"}], ("Up", "Down"), {}),
        ([{"msg": "Up"}, None, {"msg": "Down"}], ("Up", "Down"), {"entries": [None]}),
        (["Up", 5, "Down", {"ts": 1}], ("Up", "Down"), {"entries": [5, {"ts": 1}]}),
    ],
)
def test_q13_an_entry_that_cannot_be_read_loses_no_other(
    data: list[Any], lines: tuple[str, ...], extra: dict[str, Any]
) -> None:
    logs = types.SessionLogs.from_api(data)
    assert (logs.lines, logs.extra) == (lines, extra)


@pytest.mark.parametrize(
    ("value", "flag"),
    [("true", True), (" False ", False), (1, True), (0, False), ("1", True), ("0", False), (2, None),
     ("yes", None), ("", None), (1.0, None), ([], None)],
)  # fmt: skip
def test_q9_flags_as_text_and_as_numbers(value: object, flag: bool | None) -> None:
    session = types.Session.from_api({"uuid": "s-1", "is_ready": value})
    assert session.is_ready is flag
    assert session.extra == ({} if flag is not None else {"is_ready": value})


def test_q23_relays_as_older_clients_read_them() -> None:
    relay = types.VpnRelay.from_api(
        {
            "node_id": 1,
            "net_up_mbs": 2_500_000,
            "reliability": 99.5,
            "traffic_price": 1.2,
            "total_price_usd": 0.012,
        }
    )
    assert (relay.net_up_mbits, relay.reliability) == (20.0, types.Reliability(uptime=99.5))
    assert (relay.traffic_price, relay.total_price_usd) == (Decimal("1.2"), Decimal("0.012"))
    assert relay.extra == {}


def test_a_status_is_read_where_there_is_no_progress() -> None:
    ready = types.Session.from_api({"uuid": "s-1", "service": "mr", "status": "running"})
    assert (ready.ready, ready.ended) == (True, False)
    assert types.Session.from_api({"uuid": "s-1", "status": "stopped"}).ended
    assert not types.Session.from_api({"uuid": "s-1", "status": "running", "progress": "pulling"}).ready


@pytest.mark.parametrize(
    "progress", ["service configured", "Service Configured", " configured ", "RUNNING", "ready"]
)
def test_q14_ready_by_word_or_by_flag(progress: str) -> None:
    assert session(progress=progress).ready
    assert session(is_ready=True).ready
    assert session(is_ready=True, progress="pulling image").ready
    assert not session(progress="configuring").ready
    assert not session(is_ready=False).ready
    assert not session(progress=progress, finished_at=NOON_SECONDS).ready
    assert session(progress=progress, termination_reason=0).ended


@pytest.mark.parametrize(
    ("sent", "mbits"),
    [
        (2_892_312, 23.138496),
        ("2892312", 23.138496),
        (62_118_848.0, 496.950784),
        (940, 940),
        ("940.5", 940.5),
        (0, None),
        (None, None),
    ],
)
@pytest.mark.parametrize("name", ["mbits", "mbs"])
def test_q23_bandwidth_comes_under_two_names_and_in_two_units(
    name: str, sent: Any, mbits: float | None
) -> None:
    fields = {f"net_down_{name}": sent, f"net_up_{name}": sent}
    relay = types.VpnRelay.from_api({"node_id": 1, **fields})
    assert (relay.net_down_mbits, relay.net_up_mbits) == (mbits, mbits)
    assert (offer(**fields).net_down_mbits, offer(**fields).net_up_mbits) == (mbits, mbits)
    assert relay.extra == offer(**fields).extra == {}


def test_q23_both_names_at_once() -> None:
    same = offer(net_down_mbits=23.138496, net_down_mbs=2_892_312)
    assert (same.net_down_mbits, same.extra) == (23.138496, {})
    unknown = offer(net_down_mbits=0, net_down_mbs="940")
    assert (unknown.net_down_mbits, unknown.extra) == (940, {})
    other = offer(net_down_mbits=940, net_down_mbs=500)
    assert (other.net_down_mbits, other.extra) == (940, {"net_down_mbs": 500})
    broken = offer(net_down_mbits="fast", net_down_mbs=-1)
    assert (broken.net_down_mbits, broken.extra) == (None, {"net_down_mbits": "fast", "net_down_mbs": -1})


@pytest.mark.parametrize(
    ("sent", "kept", "normal", "words"),
    [
        (0, 0, True, "ended normally"),
        ("0", "0", True, "ended normally"),
        (0.0, 0, True, "ended normally"),
        (1, 1, True, "idle limit reached"),
        ("1", "1", True, "idle limit reached"),
        (" 1 ", " 1 ", True, "idle limit reached"),
        (3, 3, False, "error 3"),
        ("3", "3", False, "error 3"),
        (-1, -1, False, "error -1"),
        ("low balance", "low balance", False, "low balance"),
    ],
)
def test_q24_why_a_session_ended(sent: Any, kept: Any, normal: bool, words: str) -> None:
    read = session(termination_reason=sent)
    assert (read.termination_reason, read.ended_normally, read.termination_text) == (kept, normal, words)
    assert type(read.termination_reason) is type(kept)
    assert read.ended
    assert read.extra == {}


@pytest.mark.parametrize("sent", [None, ""])
def test_q24_no_reason(sent: Any) -> None:
    read = session(termination_reason=sent)
    assert (read.ended_normally, read.termination_text, read.ended) == (None, None, False)


@pytest.mark.parametrize("sent", [True, 1.5, [1], {"code": 1}])
def test_q24_a_reason_that_cannot_be_read_is_neither_normal_nor_an_error(sent: Any) -> None:
    read = session(termination_reason=sent)
    assert (read.termination_reason, read.ended_normally, read.termination_text) == (None, None, None)
    assert read.extra == {"termination_reason": sent}


@pytest.mark.parametrize(
    ("state", "online", "offline"),
    [
        ("online", True, False),
        ("idle", True, False),
        ("active", True, False),
        ("busy", True, False),
        ("Busy", True, False),
        (" ONLINE ", True, False),
        ("offline", False, True),
        ("OFFLINE", False, True),
        ("", False, True),
        (None, False, True),
        ("blocked", False, False),
        ("Maintenance", False, False),
    ],
)
def test_q25_states_of_a_node(state: str | None, online: bool, offline: bool) -> None:
    node = types.Node.from_api({"id": 1, "state": state})
    assert (node.state, node.online, node.offline) == (state, online, offline)
    assert node.extra == {}


def test_q25_a_node_without_a_state_is_offline_and_one_whose_state_cannot_be_read_is_neither() -> None:
    assert types.Node.from_api({"id": 1}).offline
    for state in (0, 5, False, {"name": "online"}, []):
        node = types.Node.from_api({"id": 1, "state": state})
        assert (node.state, node.online, node.offline) == (None, False, False)
        assert node.extra == {"state": state}


def test_q27_defaults_of_variables_are_text_for_a_form_and_raw_in_extra() -> None:
    sent = {"A": "text", "B": True, "C": False, "D": 3, "E": 0.5, "F": None, "G": "", "H": 2**64, "I": "007",
            "J": 3.0}  # fmt: skip
    read = {"A": "text", "B": "true", "C": "false", "D": "3", "E": "0.5", "F": "", "G": "", "I": "007",
            "H": "18446744073709551616", "J": "3"}  # fmt: skip
    app = types.App.from_api({"uuid": "a", "envs": sent})
    assert (app.envs, app.extra) == (read, {"envs": sent})
    rental = session(user_envs=sent)
    assert (rental.user_envs, rental.extra) == (read, {"user_envs": sent})
    assert list(app.envs) == list(sent)


def test_q27_variables_that_are_all_text_are_only_in_their_attribute() -> None:
    app = types.App.from_api({"uuid": "a", "envs": {"A": "1", "B": ""}})
    assert (app.envs, app.extra) == ({"A": "1", "B": ""}, {})
    for empty in ({}, [], "", "{}", None):
        app = types.App.from_api({"uuid": "a", "envs": empty})
        assert (app.envs, app.extra) == ({}, {})
    packed = types.App.from_api({"uuid": "a", "envs": '{"A": true}'})
    assert (packed.envs, packed.extra) == ({"A": "true"}, {"envs": '{"A": true}'})


def test_q27_a_variable_that_is_no_scalar_is_not_turned_into_text() -> None:
    sent = {"A": "1", "B": ["x"], "C": {"y": 1}, "D": float("nan")}
    app = types.App.from_api({"uuid": "a", "envs": sent})
    assert (app.envs, app.extra) == ({"A": "1"}, {"envs": sent})


def test_q27_the_guide_of_an_application() -> None:
    guide = "https://docs.example.net/miner"
    app = types.App.from_api({"uuid": "a", "extra": {"guide": guide, "min_disk_size": "20", "logo": 1}})
    assert (app.guide, app.min_disk_size) == (guide, 20)
    assert app.extra == {"extra": {"logo": 1}}
    odd = types.App.from_api({"uuid": "a", "extra": {"guide": {"en": guide}}})
    assert (odd.guide, odd.extra) == (None, {"extra": {"guide": {"en": guide}}})


A, B = "https://a.example.net", "https://b.example.net:8443/x"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"8080": A, "jupyter": B}, {"8080": A, "jupyter": B}),
        ([A, B], {A: A, B: B}),
        ([A, A], {A: A}),
        ([], {}),
        ({}, {}),
        ("", {}),
        (A, {A: A}),
        (f'["{A}"]', {A: A}),
        (f'{{"8080": "{A}"}}', {"8080": A}),
    ],
)
def test_q31_urls_are_by_port_or_a_list(sent: Any, read: dict[str, str]) -> None:
    rental = session(urls=sent)
    assert (rental.urls, rental.extra) == (read, {})


@pytest.mark.parametrize(
    ("sent", "read"), [([A, None], {A: A}), ([{"8080": A}], {}), (8080, {}), ("soon", {}), ("[", {})]
)
def test_q31_urls_that_cannot_be_read_are_kept(sent: Any, read: dict[str, str]) -> None:
    rental = session(urls=sent)
    assert (rental.urls, rental.extra) == (read, {"urls": sent})


def test_q31_vpn_config_is_the_older_name_of_config() -> None:
    proxy = {"ip": "198.51.100.22", "port": "3128"}
    assert session(vpn_config=proxy).config == types.HttpProxy("198.51.100.22", 3128)
    for absent in (None, ""):
        read = session(config=absent, vpn_config="[Interface]")
        assert (read.config, read.extra) == ("[Interface]", {})
    both = session(config="client", vpn_config="client")
    assert (both.config, both.extra) == ("client", {})
    differ = session(config="client", vpn_config="PrivateKey = hush")
    assert (differ.config, differ.extra) == ("client", {"vpn_config": "PrivateKey = hush"})
    assert "hush" not in repr(differ)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"42022": 22}, {42022: 22}),
        ({"42022": "22"}, {42022: 22}),
        ('{"42022": 22, "42080": "8080"}', {42022: 22, 42080: 8080}),
        ("{}", {}),
        ("", {}),
        ([], {}),
        (None, {}),
    ],
)
def test_q31_the_ports_matrix_may_be_json_text(sent: Any, read: dict[int, int]) -> None:
    rental = session(ports_matrix=sent)
    assert (rental.ports_matrix, rental.extra) == (read, {})


@pytest.mark.parametrize(
    "sent", ["42022:22", "22", '"22"', "{", [[42022, 22]], {"42022": 70_000}, {"ssh": 22}]
)
def test_q31_other_text_of_ports_is_not_guessed_at(sent: Any) -> None:
    rental = session(ports_matrix=sent)
    assert (rental.ports_matrix, rental.extra) == ({}, {"ports_matrix": sent})


def test_q31_json_text_with_more_values_than_such_text_has_is_not_parsed() -> None:
    """A string is one value of an answer, however many there are in it."""
    many = "[" + "1," * 100_001 + "1]"
    app = types.App.from_api({"uuid": "a-1", "ports": many, "envs": '{"A": ' + many + "}"})
    assert (app.ports, app.envs) == ((), {})
    assert app.extra["ports"] == many
