"""Places, hardware and applications of the simulated world."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

#: USD per OCTA, the rate between the two prices of an offer.
MARKET_PRICE = 0.104


class Place(NamedTuple):
    city: str
    country: str
    iso: str
    continent: str
    continent_code: str
    latitude: float
    longitude: float


class GpuModel(NamedTuple):
    model: str
    memory_mb: int
    usd_per_hour: float
    ai_score: int


class CpuModel(NamedTuple):
    model: str
    cores: int
    vendor: str


PLACES = (
    Place("Frankfurt", "Germany", "DE", "Europe", "EU", 50.11, 8.68),
    Place("Paris", "France", "FR", "Europe", "EU", 48.86, 2.35),
    Place("Amsterdam", "Netherlands", "NL", "Europe", "EU", 52.37, 4.9),
    Place("Warsaw", "Poland", "PL", "Europe", "EU", 52.23, 21.01),
    Place("Kyiv", "Ukraine", "UA", "Europe", "EU", 50.45, 30.52),
    Place("New York", "United States", "US", "North America", "NA", 40.71, -74.01),
    Place("Dallas", "United States", "US", "North America", "NA", 32.78, -96.8),
    Place("São Paulo", "Brazil", "BR", "South America", "SA", -23.55, -46.63),
    Place("Tokyo", "Japan", "JP", "Asia", "AS", 35.68, 139.69),
    Place("Singapore", "Singapore", "SG", "Asia", "AS", 1.35, 103.82),
    Place("Sydney", "Australia", "AU", "Oceania", "OC", -33.87, 151.21),
    Place("Helsinki", "Finland", "FI", "Europe", "EU", 60.17, 24.94),
    Place("Toronto", "Canada", "CA", "North America", "NA", 43.65, -79.38),
    Place("Cape Town", "South Africa", "ZA", "Africa", "AF", -33.92, 18.42),
)

GPUS = (
    GpuModel("NVIDIA GeForce RTX 5090", 32607, 0.65, 1000),
    GpuModel("NVIDIA GeForce RTX 4090", 24564, 0.44, 850),
    GpuModel("NVIDIA GeForce RTX 3090", 24576, 0.24, 560),
    GpuModel("NVIDIA RTX A6000", 49140, 0.2, 610),
    GpuModel("NVIDIA H100 80GB HBM3", 81559, 1.72, 1740),
    GpuModel("NVIDIA GeForce RTX 4070", 12282, 0.28, 470),
    GpuModel("NVIDIA GeForce RTX 5080", 16303, 0.36, 720),
    GpuModel("NVIDIA A100-SXM4-40GB", 40960, 0.52, 1180),
)

CPUS = (
    CpuModel("AMD EPYC 7543 32-Core Processor", 32, "AuthenticAMD"),
    CpuModel("AMD Ryzen 9 7950X 16-Core Processor", 16, "AuthenticAMD"),
    CpuModel("Intel(R) Xeon(R) Gold 6348", 56, "GenuineIntel"),
    CpuModel("AMD EPYC 9654 96-Core Processor", 96, "AuthenticAMD"),
)

#: Uuids of applications that the examples of the public SDKs rent.
_EXAMPLE = "249b4cb3-3db1-4c06-98a4-772ba88cd81c"
_OTHER_EXAMPLES = ("406c0b3f-0000-4000-8000-000000000001", "406c0b3f-6726-4169-a3b4-6322995cd755")

_APP_ROWS: tuple[tuple[str, str, str, str, str, int, int, dict[str, str], Any, Any], ...] = (
    # Ports in every shape that the specification allows: lists, and lists as JSON strings (Q3).
    ("Ubuntu 24.04", "24.04", "OS", "Plain Ubuntu with SSH", "ubuntu:24.04", 0, 10, {}, "[22]", "[]"),
    ("Stable Diffusion", "2.1", "AI", "Image generation in the browser", "example/stable-diffusion:2.1",
     8, 60, {"CLI_ARGS": "--listen"}, "[5000,6000]", "[8080]"),
    ("ComfyUI", "1.0", "AI", "Node-based image workflows", "example/comfyui:latest",
     6, 50, {}, "[]", "[8188]"),
    ("JupyterLab", "4.2", "AI", "Notebooks with CUDA", "example/jupyter:cuda12",
     0, 30, {"JUPYTER_TOKEN": ""}, [8888], [8888]),
    ("Ollama", "0.5", "AI", "Local language models", "ollama/ollama:latest", 8, 80, {}, "[11434]", "[]"),
    ("Blender", "4.2", "Render", "Blender with a worker", "example/blender:4.2", 4, 40, {}, [], []),
    ("Hashcat", "6.2", "Tools", "Password recovery", "example/hashcat:6", 4, 20, {}, "[22]", "[]"),
    ("PostgreSQL", "17", "Databases", "Relational database", "postgres:17",
     0, 20, {"POSTGRES_PASSWORD": "change-me"}, "[5432]", "[]"),
    ("Minimal", "1", "OS", "An application that names no ports at all", "alpine:3", 0, 1, {}, None, None),
    ("Debian 13", "13", "OS", "Plain Debian with SSH", "debian:13", 0, 10, {}, "[22]", "[]"),
    ("Ubuntu 22.04", "22.04", "OS", "The former Ubuntu with SSH", "ubuntu:22.04", 0, 10, {}, "[22]", "[]"),
)  # fmt: skip


def rental_defaults(app: dict[str, Any]) -> dict[str, Any]:
    """Defaults of an application for a rental, in the fields of POST /services/mr (Q18)."""
    return {
        "image": app["image"],
        "disk_size": app["extra"]["min_disk_size"],
        "envs": {name: env_text(value) for name, value in app["envs"].items()},
        "ports": port_list(app.get("ports")),
        "http_ports": port_list(app.get("http_ports")),
        "start_command": app["start_command"],
    }


def env_text(value: Any) -> str:
    """The default value of an environment variable (Q27) as the text that a container is given."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def port_list(value: Any) -> list[int]:
    """Ports of an application: a list, or the text of one; anything else is an empty list (Q3)."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = []
    return [port for port in value if type(port) is int] if isinstance(value, list) else []


def applications() -> list[dict[str, Any]]:
    """The catalogue behind GET /apps; the uuids are the same in every world."""
    apps: list[dict[str, Any]] = []
    for number, row in enumerate(_APP_ROWS):
        name, version, category, description, image, vram, disk, envs, ports, http_ports = row
        app: dict[str, Any] = {
            "id": number + 1,
            "uuid": _uuid(number),
            "name": name,
            "version": version,
            "category": category,
            "description": description,
            "image": image,
            "min_vram_gb": vram,
            "personal": False,
            "start_command": "",
            "envs": dict(envs),
            "extra": {"min_disk_size": disk},
        }
        if ports is not None:
            app["ports"] = ports
        if http_ports is not None:
            app["http_ports"] = http_ports
        apps.append(app)
    return apps


def _uuid(number: int) -> str:
    """The uuid of the application in this row: the first and the last two are those of the examples."""
    if number == 0:
        return _EXAMPLE
    others = number - len(_APP_ROWS) + len(_OTHER_EXAMPLES)
    return _OTHER_EXAMPLES[others] if others >= 0 else f"249b4cb3-3db1-4c06-98a4-772ba88cd80{number:x}"
