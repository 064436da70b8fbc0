"""Templates and rules of addresses, compiled once for the apps of all tests."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

__all__ = ["CompiledRule", "CompiledTemplates"]


class CompiledTemplates(BytecodeCache):
    """A template that differs is compiled again."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


class CompiledRule(Rule):
    """The function that makes an address is the same for each rule of the same text.

    It gets the rule, and so the converters, as an argument. A Werkzeug without this method compiles each.
    """

    _functions: ClassVar[dict[Hashable, Any]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        key = (self.rule, self.subdomain, self.host, repr(self.defaults), append_unknown)
        if key not in self._functions:
            self._functions[key] = super()._compile_builder(append_unknown)
        return self._functions[key]
