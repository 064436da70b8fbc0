"""Checks of request bodies: each function takes a parsed body and returns it checked, or raises a 422."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .problem import invalid

VPN_KINDS = ("wg", "openvpn", "ss", "v2ray", "http_proxy")
V2RAY_PROTOCOLS = ("trojan", "vmess", "vless")
#: Prices in Wei, and those in USD.
WEI_PRICES, USD_PRICES = ("base", "storage", "traffic"), ("gpu_hour", "cpu_hour")
_MAX_WEI = 2**256


def rental_items(body: Any) -> list[dict[str, Any]]:
    """The body of POST /services/mr as a list: of at least one item."""
    if not isinstance(body, list) or not body:
        raise invalid("the body must be an object, or a list of at least one item")
    return [_rental_item(item) for item in body]


def rental_request(body: Any, defaults: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """The body of POST /services/mr as one object (Q18).

    Args:
        body: The parsed body.
        defaults: Returns the defaults of the application with this uuid, for fields that the body leaves out.
    """
    if not isinstance(body, dict):
        raise invalid("the body must be an object, or a list of at least one item")
    given = {name: value for name, value in body.items() if value is not None and value != ""}
    return _rental_item({**defaults(_text(given, "app")), **given})


def _rental_item(item: Any) -> dict[str, Any]:
    item = _object(item)
    if _integer(item, "id", 0) != 0:
        raise invalid("id must be 0")
    return {
        "node_id": _integer(item, "node_id"),
        "disk_size": _disk_size(item),
        "image": _text(item, "image", required=True),
        "app": _text(item, "app"),
        "envs": _envs(item),
        "ports": _ports(item, "ports"),
        "http_ports": _ports(item, "http_ports"),
        "start_command": _text(item, "start_command"),
        "entrypoint": _text(item, "entrypoint"),
        **_owners(item),
    }


def vpn_request(body: Any) -> dict[str, Any]:
    """The body of POST /services/vpn."""
    body = _object(body)
    kind = _choice(body, "subkind", VPN_KINDS)
    protocol = _choice(body, "protocol", V2RAY_PROTOCOLS)
    if kind != "v2ray" and body.get("protocol") is not None:
        raise invalid("protocol is for v2ray only")
    return {
        "node_id": _integer(body, "node_id"),
        "kind": kind,
        "protocol": protocol if kind == "v2ray" else "",
    }


def render_request(body: Any) -> dict[str, Any]:
    """The body of POST /services/render."""
    body = _object(body)
    if not isinstance(body.get("multi-gpu-worker", False), bool):
        raise invalid("multi-gpu-worker must be true or false")
    return {"node_id": _integer(body, "node_id"), "disk_size": _disk_size(body), "envs": _envs(body)}


def price_update(body: Any) -> dict[str, Any]:
    """The body of PATCH /nodes/{id}/prices: any subset of the known prices, at least one."""
    body = _object(body)
    if not body:
        raise invalid("no prices given")
    for name, value in body.items():
        if name in WEI_PRICES:
            _check_price(name, value)
        elif name in USD_PRICES:
            if not _is_number(value) or not 0 <= value < 1e9:
                raise invalid(f"{name} must be a number of USD, not negative")
        else:
            raise invalid(f"unknown price: {name[:80]}", code="unknown_parameter")
    return dict(body)


def score(body: Any) -> int | None:
    """The score in the body of POST /services/{uuid}/stop, 1 to 5; None without one."""
    if body is None:
        return None
    value = _object(body).get("score")
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= 5:
        raise invalid("score must be an integer from 1 to 5")
    return value


def _check_price(name: str, value: Any) -> None:
    """A number in the unit of the account's prices (Q26), or its digits."""
    digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 78
    if not digits and not _is_number(value):
        raise invalid(f"{name} must be a number or its digits")
    if not 0 <= (int(value) if digits else value) < _MAX_WEI:
        raise invalid(f"{name} must not be negative, nor beyond 256 bits")


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise invalid("an object is expected")
    return body


def _integer(item: dict[str, Any], name: str, default: int | None = None) -> int:
    value = item.get(name, default)
    if value is None:
        raise invalid(f"{name} is required", code="missing_parameter")
    if type(value) is not int:
        raise invalid(f"{name} must be an integer")
    return value


def _disk_size(item: dict[str, Any]) -> int:
    size = _integer(item, "disk_size")
    if size < 1:
        raise invalid("disk_size must be positive")
    return size


def _text(item: dict[str, Any], name: str, required: bool = False) -> str:
    value = item.get(name)
    if value is None and not required:
        return ""
    if required and not value:
        raise invalid(f"{name} is required", code="missing_parameter")
    if not isinstance(value, str):
        raise invalid(f"{name} must be a string")
    return value


def _choice(item: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    """One of `allowed`, the first of them when the field is missing."""
    value = item.get(name)
    if value is None:
        return allowed[0]
    if value not in allowed:
        raise invalid(f"{name} must be one of {', '.join(allowed)}")
    return str(value)


def _envs(item: dict[str, Any]) -> dict[str, str]:
    value = item.get("envs")
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise invalid("envs must map names to strings")
    return value


def _ports(item: dict[str, Any], name: str) -> list[int]:
    value = item.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(type(port) is int and 1 <= port <= 65_535 for port in value):
        raise invalid(f"{name} must be a list of ports from 1 to 65535")
    return value


def _owners(item: dict[str, Any]) -> dict[str, int]:
    names = [name for name in ("organization_id", "project_id") if item.get(name) is not None]
    return {name: _integer(item, name) for name in names}


def _is_number(value: Any) -> bool:
    """A finite JSON number; true and false are not numbers."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0
