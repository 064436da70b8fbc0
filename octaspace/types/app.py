"""An application that can be rented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from . import _coerce
from ._fields import Fields
from ._shape import Shape

__all__ = ["App"]

#: The API's field `extra`. Its unknown contents are kept under this key of `App.extra`.
_EXTRA: Final = "extra"


@dataclass(frozen=True, slots=True, repr=False)
class App(Shape):
    """An entry of ``GET /apps``.

    Attributes:
        uuid: The ``app`` argument of `services.mr.create`.
        name: Name.
        id: Numeric id.
        version: Version.
        category: Category.
        description: Description.
        image: Docker image; `docker_image` where the API sends only that.
        docker_image: Docker image under its other name.
        min_vram_gb: Required video memory, GB.
        min_disk_size: Required disk size, GB.
        personal: Whether it belongs to the account.
        start_command: Start command.
        envs: Environment variables and their defaults as text (Q27): ``true``, ``3``, empty for null. Where
            a default is not text, the unchanged object is also in `extra`.
        ports: TCP ports (Q3).
        http_ports: HTTP ports (Q3).
        guide: URL of a guide; `extra.guide` in the payload (Q27).
        extra: Other fields that the API sent.
    """

    uuid: str
    name: str | None = None
    id: int | None = None
    version: str | None = None
    category: str | None = None
    description: str | None = None
    image: str | None = None
    docker_image: str | None = None
    min_vram_gb: float | None = None
    min_disk_size: int | None = None
    personal: bool | None = None
    start_command: str | None = None
    envs: Mapping[str, str] = field(default_factory=dict, hash=False)
    ports: tuple[int, ...] = ()
    http_ports: tuple[int, ...] = ()
    guide: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> App:
        """Read an entry of ``apps.list()``.

        Args:
            data: The JSON object.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object, or `uuid` is not a string.
        """
        fields = Fields("App", data)
        image, docker_image = fields.text("image"), fields.text("docker_image")
        more = fields.read(_EXTRA, _nested)
        min_disk_size = more.integer("min_disk_size") if more else None
        guide = more.text("guide") if more else None
        left = fields.rest()
        if more and more.rest():
            left[_EXTRA] = more.rest()
        return cls(
            uuid=fields.require("uuid", _coerce.text, "a string"),
            name=fields.text("name"),
            id=fields.integer("id"),
            version=fields.text("version"),
            category=fields.text("category"),
            description=fields.text("description"),
            image=image or docker_image,
            docker_image=docker_image,
            min_vram_gb=fields.number("min_vram_gb"),
            min_disk_size=min_disk_size,
            personal=fields.flag("personal"),
            start_command=fields.text("start_command"),
            envs=fields.envs("envs"),
            ports=fields.ports("ports"),
            http_ports=fields.ports("http_ports"),
            guide=guide,
            extra=left,
        )


def _nested(value: Any) -> Fields | None:
    return Fields("App", value) if isinstance(value, Mapping) else None
