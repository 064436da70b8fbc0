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
        label: Its label; the form also shows the name.
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


_NODE: Final = RentField(
    "node_id", "number", "ID of the node, from the offers.", required=True, label="Node ID"
)
_DISK: Final = RentField(
    "disk_size", "number", "Disk space to reserve.", required=True, unit="GB", default="10", label="Disk size"
)
_ENVS: Final = RentField(
    "envs", "variables",
    "One NAME=value per line. For a value with line breaks: NAME<<END, its lines, then END. "
    "Values may be secrets; they are not logged.",
    label="Environment variables",
)  # fmt: skip

_STOP_AFTER: Final = RentField(
    "max_duration", "hours",
    "Stopped automatically after this time. Decimals are allowed. Empty: runs until it is stopped by hand.",
    unit="hours", label="Stop after",
)  # fmt: skip
_NAME: Final = RentField("name", "text", "Shown in Rentals. Empty: playground.", label="Name")

#: The name of a rental without one: only what has a name is recorded.
DEFAULT_NAME: Final = "playground"

#: Fields by service, in the order of the form.
FIELDS: Final[dict[Service, tuple[RentField, ...]]] = {
    "mr": (
        RentField(
            "app", "app",
            "Fills in image, disk size, ports, variables and start command. Values that you typed are kept.",
            label="Application",
        ),
        _NODE,
        _DISK,
        RentField(
            "image", "text", "Docker image.", required=True, default="ubuntu:24.04", label="Image"
        ),
        RentField("ports", "ports", "TCP ports to open, separated by commas: 22, 5000.", label="TCP ports"),
        RentField("http_ports", "ports", "Ports to publish, each at its own URL.", label="HTTP ports"),
        _ENVS,
        _STOP_AFTER,
        _NAME,
        RentField(
            "start_command", "text", "Command to run in the container.", more=True, label="Start command"
        ),
        RentField(
            "entrypoint", "text", "Replaces the image's entrypoint.", more=True, label="Entrypoint"
        ),
        RentField(
            "organization_id", "number", "Organization that is billed.", more=True, label="Organization ID"
        ),
        RentField("project_id", "number", "Project of the rental.", more=True, label="Project ID"),
    ),
    "vpn": (
        _NODE,
        RentField(
            "subkind", "choice", "Type of VPN.", required=True, default="wg", label="VPN type",
            choices={
                "wg": "WireGuard", "openvpn": "OpenVPN", "ss": "Shadowsocks", "v2ray": "V2Ray",
                "http_proxy": "HTTP proxy",
            },
        ),
        RentField(
            "protocol", "choice", "For V2Ray only.", label="Protocol",
            choices={"": "API default", "trojan": "Trojan", "vmess": "VMess", "vless": "VLESS"},
        ),
        _STOP_AFTER,
        _NAME,
    ),
    "render": (
        _NODE,
        _DISK,
        _ENVS,
        RentField(
            "multi_gpu_worker", "choice", "One worker per GPU, or one for all GPUs.", label="Workers",
            choices={"": "API default", "true": "one worker per GPU", "false": "one worker for all GPUs"},
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
