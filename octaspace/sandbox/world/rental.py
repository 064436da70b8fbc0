"""One session. Its state is a function of the time that has passed since its creation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..datasets.catalogue import MARKET_PRICE
from .vpn_config import vpn_config

#: Each progress text, and from which share of the time to readiness it is shown (Q14).
_STAGES = {
    "mr": ((0.0, "queued"), (0.15, "preparing"), (0.35, "pulling image"), (0.7, "starting container")),
    "render": ((0.0, "queued"), (0.2, "provisioning"), (0.5, "pulling image"), (0.8, "starting worker")),
    "vpn": ((0.0, "pending"), (0.3, "creating interface"), (0.6, "configuring")),
}
_READY = "service configured"


@dataclass
class Rental:
    """A machine rental, a render session or a VPN session."""

    uuid: str
    service: str
    kind: str
    node_id: int
    #: Running number in its world; decides which shape its answers take in the loose data set.
    number: int
    #: Monotonic and wall second of the creation.
    started: float
    started_wall: float
    ready_after: float
    #: Wei per hour, from the moment it is ready.
    rate: int
    base_usd: int
    place: dict[str, Any] = field(default_factory=dict)
    node_hw: dict[str, Any] | None = None
    app_name: str = ""
    image: str = ""
    ports: list[int] = field(default_factory=list)
    http_ports: list[int] = field(default_factory=list)
    protocol: str = ""
    #: Fields added to every view as they are: user_envs, organization_id, project_id of the request.
    extra: dict[str, Any] = field(default_factory=dict)
    #: Appended to every log line, and shown instead of the progress: set by the hostile data set.
    note: str = ""
    progress_text: str = ""
    #: Monotonic second of the end; None while active.
    ended: float | None = None
    termination_reason: int | str = 0

    def age(self, now: float) -> float:
        """Seconds since the creation; constant after the end."""
        return max(0.0, (now if self.ended is None else self.ended) - self.started)

    def is_ready(self, now: float) -> bool:
        return self.age(now) >= self.ready_after

    def progress(self, now: float) -> str:
        """The progress text."""
        if self.progress_text:
            return self.progress_text
        age = self.age(now)
        if age >= self.ready_after:
            return _READY
        return [word for part, word in _STAGES[self.service] if age >= part * self.ready_after][-1]

    def charge(self, now: float) -> int:
        """Wei charged so far, exact to the millisecond, from readiness on."""
        milliseconds = round((self.age(now) - self.ready_after) * 1000)
        return self.rate * max(0, milliseconds) // 3_600_000

    def sent(self, now: float) -> int:
        """Bytes sent since it was ready; four times as many were received."""
        return int(max(0.0, self.age(now) - self.ready_after) * 278)

    def listed(self, now: float) -> dict[str, Any]:
        """The entry of GET /sessions."""
        ready = self.is_ready(now)
        view: dict[str, Any] = {
            "uuid": self.uuid,
            "service": self.service,
            "kind": self.kind,
            "node_id": self.node_id,
            "progress": self.progress(now),
            "is_ready": ready,
            "duration": int(self.age(now)),
            "started_at": round(self.started_wall * 1000),
            "public_ip": f"198.51.100.{20 + self.number % 200}",
            **self.place,
            "tx": self.sent(now),
            "rx": 4 * self.sent(now),
            "charge_amount": self.charge(now),
            "prices": {"base_usd": self.base_usd, "currency_usd": True, "market_price": MARKET_PRICE},
        }
        if self.node_hw is not None:
            view["node_hw"] = self.node_hw
        if self.service == "vpn":
            if ready:
                view["ip"] = f"10.8.0.{2 + self.number % 250}"
        else:
            view |= {"app_name": self.app_name, "urls": self._urls() if ready else {}}
            if self.service == "mr":
                view |= self._container(ready, view["public_ip"])
        return {**view, **self.extra}

    def info(self, now: float) -> dict[str, Any]:
        """The answer of GET /services/{uuid}/info; for a VPN it alone carries the configuration (Q6)."""
        view = self.listed(now)
        if self.service == "vpn" and self.is_ready(now):
            view["config"] = vpn_config(self.kind, self.protocol, view["public_ip"], self.number, self.note)
        return view

    def finished(self) -> dict[str, Any]:
        """The entry of GET /sessions?recent=true."""
        end = self.started if self.ended is None else self.ended
        return {
            "uuid": self.uuid,
            "service": self.service,
            "app_name": self.app_name,
            "node_id": self.node_id,
            "duration": int(self.age(end)),
            "rx": 4 * self.sent(end),
            "tx": self.sent(end),
            "started_at": round(self.started_wall * 1000),
            "finished_at": round((self.started_wall + self.age(end)) * 1000),
            "charge_amount": self.charge(end),
            "termination_reason": self.termination_reason,
            "urls": {},
        }

    def logs(self, now: float) -> dict[str, Any]:
        """System and container log so far; both only grow (Q13)."""
        age = self.age(now)
        system = [
            self._system(part * self.ready_after, f"{word.capitalize()}{self.note}\n")
            for part, word in _STAGES[self.service]
            if age >= part * self.ready_after
        ]
        if not self.is_ready(now):
            return {"system": system, "container": ""}
        image = self.image or self.service
        system.append(
            self._system(self.ready_after, f"Status: ready\nImage: {image}{self.note}\nContainer started\n")
        )
        running = age - self.ready_after
        system += [
            self._system(self.ready_after + 15.0 * (beat + 1), f"Health check {beat + 1} passed{self.note}\n")
            for beat in range(_lines(running / 15.0, 10, 20))
        ]
        lines = (
            f"step {line + 1} loss {1 / (line + 2):.4f}{self.note}\n"
            for line in range(_lines(running, 60, 30))
        )
        return {"system": system, "container": f"listening on 0.0.0.0{self.note}\n" + "".join(lines)}

    def _system(self, after: float, text: str) -> dict[str, Any]:
        return {"ts": round((self.started_wall + after) * 1000), "msg": text}

    def _urls(self) -> dict[str, str]:
        return {str(port): f"https://s-{self.number}-{port}.example.net" for port in self.http_ports}

    def _container(self, ready: bool, public_ip: str) -> dict[str, Any]:
        """What only a machine rental has (Q10)."""
        ids = [f"c0ffee{self.number:04x}", f"c0ffef{self.number:04x}"]
        view: dict[str, Any] = {"container_id": ids, "ports_matrix": {}}
        if ready:
            inner = [22, *(port for port in (*self.ports, *self.http_ports) if port != 22)]
            view["ports_matrix"] = {str(42_000 + place): port for place, port in enumerate(inner)}
            view["ssh_direct"] = {"host": public_ip, "port": 42_000}
            view["ssh_proxy"] = {"host": "ssh.example.net", "port": 10_022 + self.number % 1000}
            view["ssh_web"] = f"https://web-ssh.example.net/s/{self.number}"
        return view


def _lines(units: float, dense: int, every: int) -> int:
    """One line per unit at first, later one per `every` units, so that long logs stay readable."""
    whole = int(units)
    return min(whole, dense) + max(0, whole - dense) // every
