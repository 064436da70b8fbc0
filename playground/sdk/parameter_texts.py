"""Help texts for the parameters of SDK methods, as the method runner shows them next to its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["PARAMETER_TEXTS", "parameter_text"]

#: By parameter name; a prefix with the resource or the method takes precedence over the bare name.
PARAMETER_TEXTS: Final[Mapping[str, str]] = {
    "app": "UUID of an app from client.apps.list(); empty for none.",
    "country": "ISO code or name, case-insensitive.",
    "deadline": (
        "When a reaper stops it, in ISO 8601 with a time zone: 2026-11-26T18:00:00+02:00 or "
        "2026-11-26T16:00:00Z. Needs a rental ledger. Not together with max_duration."
    ),
    "disk_size": "Disk size in GB.",
    "services.mr.disk_size": "Disk size in GB. Required unless the app defines it.",
    "entrypoint": "Replaces the image's entrypoint.",
    "envs": "Environment variables of the container. They replace those of the app.",
    "filters": "Query parameters, passed on unchanged; None is left out.",
    "gpu": 'Part of a GPU model name, case-insensitive, e.g. "rtx 4090".',
    "http_ports": "Ports to publish under a URL, 1 to 65535.",
    "id": "Id of the node.",
    "image": 'Docker image, e.g. "ubuntu:24.04". Required unless the app defines it.',
    "interval": "Seconds between two requests.",
    "job_id": "Id of the idle job.",
    "max_duration": "Seconds after which a reaper stops it. Needs a rental ledger, and no deadline.",
    "max_price_usd": "Highest total price in USD per hour.",
    "services.vpn.max_price_usd": "Highest price in USD per GB.",
    "min_reliability": "Lowest uptime in percent.",
    "min_vram_gb": 'Memory of one GPU in GB (1 GB is 1000 MB, so a "24 GB" card passes 24).',
    "name": (
        "A name for its entry in the rental ledger. Only what has a name or a deadline is recorded by create."
    ),
    "services.mr.rent.name": "A name for its entry in the rental ledger.",
    "services.mr.rent_any.name": "A name for its entry in the rental ledger.",
    "services.render.rent.name": "A name for its entry in the rental ledger.",
    "services.vpn.rent.name": "A name for its entry in the rental ledger.",
    "node_id": "Id of the node, from list or search.",
    "idle_jobs.node_id": "Id of the node that runs the job.",
    "services.mr.node_id": "Node id of the machine, from list or search.",
    "services.vpn.node_id": "Node id of the relay, from list or search.",
    "offers": "Offers of search or list, or node ids, in the order in which they are tried.",
    "options": (
        "envs (environment variables) and multi_gpu_worker (true for one worker per GPU; the API's spelling "
        '"multi-gpu-worker" is accepted as well). None is left out.'
    ),
    "organization_id": "Organization to bill.",
    "ports": "TCP ports to open, 1 to 65535.",
    "prices": (
        "Any of base (per hour), storage and traffic (per GB), gpu_hour and cpu_hour: a number or its "
        "digits, sent unchanged. Prices that are not given keep their value. The unit depends on the "
        "currency of the account, which no answer contains: Wei according to the documentation, "
        "cents of USD for some accounts. Compare with the figures of nodes.list() first."
    ),
    "project_id": "Project the machine belongs to.",
    "protocol": 'For v2ray only: "trojan", "vmess" or "vless".',
    "recent": "True for ended sessions (?recent=true).",
    "services.session.recent": "True for a session that has ended (?recent=true); its logs need it.",
    "residential": "True for residential relays, False for those in data centers.",
    "score": "Rating of the node from 1 (bad) to 5 (good); None sends none.",
    "sort": '"price" (cheapest first), "reliability", "vram" or "download" (best first).',
    "services.vpn.sort": '"price" (cheapest first) or "download" (fastest first).',
    "start_command": "Command to run in the container.",
    "subkind": '"wg", "openvpn", "ss", "v2ray" or "http_proxy".',
    "timeout": "Limit in seconds for the whole wait; it also ends a request that hangs.",
    "services.session.follow_logs.timeout": (
        "Limit in seconds from the first request; it also ends a request that hangs. None means no limit."
    ),
    "uuid": "UUID of the session.",
}


def parameter_text(method: str, parameter: str) -> str:
    """The help text of a parameter; empty when there is none.

    Args:
        method: Dotted name of the method below the client.
        parameter: Name of the parameter.
    """
    resource = method.rpartition(".")[0]
    keys = (f"{method}.{parameter}", f"{resource}.{parameter}", parameter)
    return next((PARAMETER_TEXTS[key] for key in keys if key in PARAMETER_TEXTS), "")
