"""Fields of the three rent forms: every option of `create` of a service, except `deadline`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ...domain.offers import Service

__all__ = ["DEFAULT_NAME", "FIELDS", "RentField", "defaults"]

FieldKind = Literal["number", "text", "ports", "variables", "choice", "app", "hours"]


@dataclass(frozen=True)
class RentField:
    """A field of a form.

    Attributes:
        name: The argument of `create`.
        kind: Kind of input; ``"hours"`` become seconds; ``"app"`` is the id of an app, encoded by
            `playground.web.url_ids.encoded`.
        meaning: Its help text.
        required: Whether it is required.
        unit: Its unit.
        default: Its initial value.
        choices: For ``"choice"``: values with labels; ``""`` sends nothing.
        more: Whether it is in the section of rarely used options.
        label: Its label, if that is not its name.
    """

    name: str
    kind: FieldKind
    meaning: str
    required: bool = False
    unit: str = ""
    default: str = ""
    choices: Mapping[str, str] | None = None
    more: bool = False
    label: str = ""


_NODE: Final = RentField("node_id", "number", "Number of the node, from the offers.", required=True)
_DISK: Final = RentField("disk_size", "number", "Room on the disk.", required=True, unit="GB", default="10")
_ENVS: Final = RentField(
    "envs", "variables", "One NAME=value a line. Values may be secrets: they are left out of the log."
)

_STOP_AFTER: Final = RentField(
    "max_duration", "hours",
    "A reaper stops it then. Decimals are possible. Empty: it runs until it is stopped by hand.",
    unit="hours", label="Stop after",
)  # fmt: skip
_NAME: Final = RentField("name", "text", "For the list of rentals; empty: playground.")

#: The name of a rental without one: only what has a name is recorded.
DEFAULT_NAME: Final = "playground"

#: Fields by service, in the order of the form.
FIELDS: Final[dict[Service, tuple[RentField, ...]]] = {
    "mr": (
        _NODE,
        _DISK,
        RentField("app", "app", "An app of the catalogue, or none for any image."),
        RentField("image", "text", "Docker image.", required=True, default="ubuntu:24.04"),
        RentField("ports", "ports", "TCP ports to open, with commas between: 22, 5000."),
        RentField("http_ports", "ports", "Ports to publish, each at its own URL."),
        _ENVS,
        _STOP_AFTER,
        _NAME,
        RentField("start_command", "text", "Command to run in the container.", more=True),
        RentField("entrypoint", "text", "Instead of the image's own.", more=True),
        RentField("organization_id", "number", "Whom to bill it to.", more=True),
        RentField("project_id", "number", "The project it belongs to.", more=True),
    ),
    "vpn": (
        _NODE,
        RentField(
            "subkind", "choice", "The kind of VPN.", required=True, default="wg",
            choices={
                "wg": "WireGuard", "openvpn": "OpenVPN", "ss": "Shadowsocks", "v2ray": "V2Ray",
                "http_proxy": "HTTP proxy",
            },
        ),
        RentField(
            "protocol", "choice", "For V2Ray only.",
            choices={"": "as the API sees fit", "trojan": "Trojan", "vmess": "VMess", "vless": "VLESS"},
        ),
        _STOP_AFTER,
        _NAME,
    ),
    "render": (
        _NODE,
        _DISK,
        _ENVS,
        RentField(
            "multi_gpu_worker", "choice", "Whether each GPU gets its own worker.",
            choices={"": "as the API sees fit", "true": "one worker per GPU", "false": "one worker for all"},
        ),
        _STOP_AFTER,
        _NAME,
    ),
}  # fmt: skip


def defaults(service: Service, stop_after: str) -> dict[str, str]:
    """Initial values of the fields of a service.

    Args:
        service: The service.
        stop_after: Hours after which it is stopped, as text; empty for no deadline.
    """
    return {**{field.name: field.default for field in FIELDS[service]}, "max_duration": stop_after}
