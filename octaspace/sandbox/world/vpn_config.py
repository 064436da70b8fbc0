"""The configuration of a ready VPN session (Q6), in a form that the real programs load (Q28).

Its keys are generated or come from `openvpn_test_certificates.pem`; they give access to nothing.
"""

from __future__ import annotations

import base64
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ..datasets.rng import seeded_rng
from .x25519 import clamp, public_key

#: Two certificates and a private key that belong together, the same in every configuration.
CERTIFICATES = Path(__file__).with_name("openvpn_test_certificates.pem")


def vpn_config(kind: str, protocol: str, address: str, number: int, note: str = "") -> Any:
    """Configuration text for wg, openvpn, ss and v2ray, `note` at its end; `{ip, port}` for http_proxy."""
    if kind == "http_proxy":
        return {"ip": address, "port": 3128}
    if kind == "openvpn":
        return _openvpn(address) + note
    secret = seeded_rng("vpn", number).randbytes(20).hex()
    if kind == "ss":
        return f"ss://aes-256-gcm:{secret}@{address}:8388#sandbox{note}"
    if kind == "v2ray":
        return f"{protocol or 'trojan'}://{secret}@{address}:443?security=tls#sandbox{note}"
    return _wireguard(address, number) + note


def _wireguard(address: str, number: int) -> str:
    private, relay = _wireguard_keys(number)
    return (
        f"[Interface]\nPrivateKey = {private}\nAddress = 10.8.0.{2 + number % 250}/32\nDNS = 10.8.0.1\n\n"
        f"[Peer]\nPublicKey = {relay}\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = {address}:51820\n"
        "PersistentKeepalive = 25\n"
    )


@lru_cache(maxsize=1000)
def _wireguard_keys(number: int) -> tuple[str, str]:
    """The session's private key and its relay's public key, in base64."""
    source = seeded_rng("wireguard", number)
    private, relay = clamp(source.randbytes(32)), public_key(source.randbytes(32))
    return base64.b64encode(private).decode(), base64.b64encode(relay).decode()


def _openvpn(address: str) -> str:
    authority, certificate, key = _certificates()
    return (
        f"client\ndev tun\nproto udp\nremote {address} 1194\nnobind\npersist-key\npersist-tun\n"
        "remote-cert-tls server\ndata-ciphers AES-256-GCM:CHACHA20-POLY1305\nauth SHA256\nverb 3\n"
        f"<ca>\n{authority}\n</ca>\n<cert>\n{certificate}\n</cert>\n<key>\n{key}\n</key>\n"
    )


@cache
def _certificates() -> tuple[str, str, str]:
    """The authority's certificate, the client's, and the client's private key, as PEM blocks."""
    blocks = re.findall(r"-----BEGIN .+?-----END [A-Z ]+-----", CERTIFICATES.read_text("ascii"), re.DOTALL)
    authority, certificate, key = blocks
    return authority, certificate, key
