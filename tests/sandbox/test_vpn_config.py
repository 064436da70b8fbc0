"""Q28: the real programs load the VPN configurations that the sandbox hands out."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from octaspace.sandbox import ManualClock, SandboxServer
from octaspace.sandbox.world.vpn_config import CERTIFICATES
from octaspace.sandbox.world.x25519 import public_key

from ..support.namespaces import obstacle
from ..support.programs import find_program
from .api import Api

#: What OpenVPN says when it has read a configuration with its certificates and begins to connect.
CONNECTS = "Attempting to establish TCP connection with [AF_INET]127.0.0.1"


def config(api: Api, clock: ManualClock, subkind: str, node_id: int = 9301) -> str:
    """The configuration of a new session."""
    uuid = api.post("/services/vpn", {"node_id": node_id, "subkind": subkind}).json()["uuid"]
    clock.advance(4)
    text = api.json(f"/services/{uuid}/info")["config"]
    assert isinstance(text, str)
    return text


def fields(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+) = (.+)$", text, re.MULTILINE))


def wg(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [find_program("wg", "wireguard-tools"), *words]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False)


def test_q28_a_wireguard_configuration(api: Api, clock: ManualClock) -> None:
    text = config(api, clock, "wg")
    found = fields(text)
    assert found["AllowedIPs"] == "0.0.0.0/0, ::/0"
    assert re.fullmatch(r"10\.8\.0\.\d+/32", found["Address"])
    assert found["DNS"] == "10.8.0.1"
    assert re.fullmatch(r"198\.51\.100\.\d+:51820", found["Endpoint"])
    private, public = (base64.b64decode(found[name], validate=True) for name in ("PrivateKey", "PublicKey"))
    assert (len(found["PrivateKey"]), len(private), len(found["PublicKey"]), len(public)) == (44, 32, 44, 32)
    # Clamped, as `wg genkey` makes them.
    assert (private[0] & 7, private[31] & 192) == (0, 64)
    assert public_key(private) != public


def test_q28_each_session_has_keys_of_its_own(api: Api, clock: ManualClock) -> None:
    first, second = (fields(config(api, clock, "wg")) for _ in range(2))
    for name in ("PrivateKey", "PublicKey"):
        assert first[name] != second[name]


def test_x25519_is_that_of_the_rfc() -> None:
    # RFC 7748, section 5.2: the first round of its second test.
    expected = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert public_key(bytes([9, *[0] * 31])).hex() == expected


def test_q28_wg_accepts_the_keys(api: Api, clock: ManualClock) -> None:
    found = fields(config(api, clock, "wg"))
    for name in ("PrivateKey", "PublicKey"):
        assert wg("pubkey", text=found[name]).returncode == 0
    derived = wg("pubkey", text=found["PrivateKey"]).stdout.strip()
    assert base64.b64decode(derived) == public_key(base64.b64decode(found["PrivateKey"]))
    # The judge is awake: a key of 31 bytes is refused.
    assert wg("pubkey", text=base64.b64encode(bytes(31)).decode()).returncode != 0


def as_root() -> list[str]:
    """What a command begins with that insists on root: wg-quick would ask sudo."""
    if os.geteuid() == 0:
        return []
    if (reason := obstacle()) is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return [find_program("unshare", "util-linux"), "--map-root-user", "--"]


def test_q28_wg_quick_reads_the_configuration(api: Api, clock: ManualClock, tmp_path: Path) -> None:
    """`strip` takes out what only wg-quick knows, and leaves what `wg setconf` is given."""
    path = tmp_path / "sandbox.conf"
    path.write_text(config(api, clock, "wg"))
    path.chmod(0o600)
    strip = [*as_root(), find_program("wg-quick", "wireguard-tools"), "strip", str(path)]
    stripped = subprocess.run(strip, capture_output=True, text=True, timeout=30, check=False)
    assert (stripped.returncode, stripped.stderr) == (0, "")
    assert list(fields(stripped.stdout)) == [
        "PrivateKey", "PublicKey", "AllowedIPs", "Endpoint", "PersistentKeepalive",
    ]  # fmt: skip
    # `wg setconf` reads all of it before it looks for the interface, which is not there.
    path.write_text(stripped.stdout)
    assert "Unable to modify interface" in wg("setconf", "no-such-link", str(path)).stderr
    path.write_text(stripped.stdout.replace("0.0.0.0/0", "0.0.0.0/99"))
    assert "Unable to modify interface" not in wg("setconf", "no-such-link", str(path)).stderr


def openvpn(text: str, folder: Path) -> str:
    """What OpenVPN says about a configuration, up to its first try to connect, to a closed loopback port."""
    path = folder / "sandbox.ovpn"
    path.write_text(text)
    path.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [
        find_program("openvpn"), "--config", str(path), "--dev", "null",
        "--ifconfig-noexec", "--route-noexec", "--socks-proxy", "127.0.0.1", str(port),
        "--connect-retry-max", "1",
    ]  # fmt: skip
    output = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                output += line
                if CONNECTS in line:
                    break
        finally:
            process.kill()
    return output


def test_q28_openvpn_loads_the_configuration(api: Api, clock: ManualClock, tmp_path: Path) -> None:
    text = config(api, clock, "openvpn")
    assert text.startswith("client\n")
    assert re.search(r"^remote 198\.51\.100\.\d+ 1194$", text, re.MULTILINE)
    output = openvpn(text, tmp_path)
    assert CONNECTS in output
    assert "Cannot load" not in output
    assert "error" not in output.lower()


@pytest.mark.parametrize("part", ["ca", "cert", "key"])
def test_q28_openvpn_refuses_it_when_a_part_is_broken(
    part: str, api: Api, clock: ManualClock, tmp_path: Path
) -> None:
    """The judge is awake."""
    text = config(api, clock, "openvpn")
    block = re.search(rf"<{part}>\n.*?</{part}>\n", text, re.DOTALL)
    assert block is not None
    lines = block[0].splitlines()
    lines[2] = lines[2][::-1]
    broken = text.replace(block[0], "\n".join([*lines[:3], *lines[4:], ""]))
    assert CONNECTS not in openvpn(broken, tmp_path)


def test_q28_the_certificate_is_for_the_sandbox_alone_and_lasts(tmp_path: Path) -> None:
    openssl = find_program("openssl")
    blocks = re.findall(
        r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", CERTIFICATES.read_text(), re.DOTALL
    )
    assert len(blocks) == 2
    authority, client = tmp_path / "authority.pem", tmp_path / "client.pem"
    authority.write_text(blocks[0])
    client.write_text(blocks[1])

    def ask(*words: str) -> str:
        return subprocess.run(
            [openssl, *words], capture_output=True, text=True, timeout=30, check=True
        ).stdout

    assert "OK" in ask("verify", "-CAfile", str(authority), str(client))
    for path in (authority, client):
        output = ask("x509", "-in", str(path), "-noout", "-subject", "-enddate")
        assert "Sandbox only" in output
        assert "2199" in output


@pytest.mark.parametrize("dataset", ["default", "large", "loose"])
def test_a_configuration_is_whole_in_every_world(
    dataset: str, sandbox: SandboxServer, api: Api, clock: ManualClock
) -> None:
    sandbox.reset(dataset=dataset)
    relays = api.json("/services/vpn")
    for kind, start in (("wg", "[Interface]"), ("openvpn", "client")):
        uuid = api.post("/services/vpn", {"node_id": relays[0]["node_id"], "subkind": kind}).json()["uuid"]
        clock.advance(4)
        info = api.json(f"/services/{uuid}/info")
        text = info["config"] if "config" in info else info["vpn_config"]  # Q31
        assert text.startswith(start)
