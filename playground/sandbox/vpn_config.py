"""The configuration a ready VPN session hands out (Q6). The keys in it are made up and open nothing."""

from __future__ import annotations

from typing import Any

from .dice import dice


def vpn_config(kind: str, protocol: str, address: str, number: int, note: str = "") -> Any:
    """Configuration text for wg, openvpn, ss and v2ray, `note` at its end; `{ip, port}` for http_proxy."""
    secret = dice("vpn", number).randbytes(20).hex()
    if kind == "http_proxy":
        return {"ip": address, "port": 3128}
    if kind == "openvpn":
        return (
            f"client\ndev tun\nproto udp\nremote {address} 1194\ncipher AES-256-GCM\n"
            f"<secret>\n{secret}\n</secret>\n{note}"
        )
    if kind == "ss":
        return f"ss://aes-256-gcm:{secret}@{address}:8388#sandbox{note}"
    if kind == "v2ray":
        return f"{protocol or 'trojan'}://{secret}@{address}:443?security=tls#sandbox{note}"
    return (
        f"[Interface]\nPrivateKey = {secret}\nAddress = 10.8.0.{2 + number % 250}/32\nDNS = 10.8.0.1\n\n"
        f"[Peer]\nPublicKey = {secret[::-1]}\nAllowedIPs = 0.0.0.0/0\nEndpoint = {address}:51820\n{note}"
    )
