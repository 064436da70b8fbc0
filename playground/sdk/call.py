"""SDK calls as objects. A page shows and runs the same object, so both always agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from octaspace import Client

from .python_text import python_text
from .redaction import without_secrets

__all__ = ["SdkCall"]


#: One call of a chain: dotted name, arguments, keyword arguments.
_Step = tuple[str, tuple[Any, ...], dict[str, Any]]


class SdkCall:
    """A call of the SDK, e.g. ``SdkCall("nodes.find", 9001)`` or
    ``SdkCall("services.session", uuid).then("logs", recent=True)``.

    Args:
        path: Dotted name below the client.
        args: Positional arguments, shown as Python that `bin/console` can run.
        kwargs: Keyword arguments; None is left out.
    """

    # Positional-only: an argument of the call may have any name, also `self` and `path`.
    def __init__(self, path: str, /, *args: Any, **kwargs: Any) -> None:
        self._steps: tuple[_Step, ...] = ((path, args, _given(kwargs)),)

    def chain(self, path: str, /, *args: Any, **kwargs: Any) -> SdkCall:
        """A new call: this one, followed by a call on its result."""
        result = SdkCall(path, *args, **kwargs)
        result._steps = (*self._steps, *result._steps)
        return result

    def __str__(self) -> str:
        return self._text(self._steps)

    @property
    def redacted(self) -> str:
        """The call as the log keeps it: arguments that may hold secrets, such as `envs`, are left out."""
        return self._text((path, args, without_secrets(kwargs)) for path, args, kwargs in self._steps)

    @staticmethod
    def _text(steps: Iterable[_Step]) -> str:
        text = "client"
        for path, args, kwargs in steps:
            given = [python_text(value) for value in args]
            given += [f"{name}={python_text(value, name)}" for name, value in kwargs.items()]
            text += f".{path}({', '.join(given)})"
        return text

    @property
    def name(self) -> str:
        """The method without arguments, as in ``nodes.find`` or ``services.session.logs``."""
        return ".".join(path for path, _, _ in self._steps)

    def run(self, client: Client) -> Any:
        """Make the call.

        Returns:
            The result of the method: a `Response`, or the offers that a search found.

        Raises:
            octaspace.Error: As the method does.
        """
        target: Any = client
        for path, args, kwargs in self._steps:
            for name in path.split("."):
                target = getattr(target, name)
            target = target(*args, **kwargs)
        return target


def _given(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if value is not None}
