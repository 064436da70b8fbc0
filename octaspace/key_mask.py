"""Mask the API key in what is shown, logged, stored or exported, however it is encoded there."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from .errors import Error
from .response import Response

__all__ = ["MASK", "KeyMask"]

#: Replaces the key.
MASK: Final = "***"

#: Characters of the start or the end of a key that are masked like the whole key.
_PART_LENGTH: Final = 12

#: A shorter key occurs in many words by chance, and is masked only as a separate word.
_MIN_KEY_LENGTH: Final = 8

#: Keys of a mask that was made by `with_key`.
_MAX_KEYS: Final = 8

#: Escapes of a character in URLs, JSON, Python, JavaScript and HTML, also nested; and characters that
#: terminals, browsers and log pages do not show, because a key divided by them looks whole. Compiled
#: on first use: that takes as long as to load ten modules, and most programs never need it.
_ESCAPE: Final = (
    r"%(?:25)*(?:[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})"
    r"|\\+(?:u[0-9A-Fa-f]{4}|u\{0{0,8}[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[0-7]{3})?"
    r"|&(?:amp;)*(?:\#0*[0-9]{1,7}|\#[xX]0*[0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});?"
    r"|(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+"
)
_ESCAPE_START: Final = (
    r"[%\\&\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x9b\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)

#: How many levels of nested escapes are undone; no program that shows them undoes more.
_MAX_ROUNDS: Final = 4

#: Maximum length of a character name that HTML accepts without a semicolon.
_MAX_LEGACY_NAME: Final = 6

Span = tuple[int, int]


class KeyMask:
    """Mask keys: whole, in parts from either end, in base64, and with escaped characters.

    Args:
        keys: The keys, usually one; None masks nothing.
    """

    __slots__ = ("_encodings", "_has_short_key", "_is_numeric", "_keys", "_parts")

    def __init__(self, *keys: str | None) -> None:
        self._keys = tuple(key for key in dict.fromkeys(keys) if key)
        long = [key for key in self._keys if len(key) >= _MIN_KEY_LENGTH]
        ends = [end for key in long for end in (key[:_PART_LENGTH], key[-_PART_LENGTH:])]
        #: Whether a number may contain a key or a part of one.
        self._is_numeric = any(end.isascii() and end.isdigit() for end in ends)
        self._has_short_key = len(long) < len(self._keys)
        # Created on first use: most calls mask nothing.
        self._encodings: list[str] | None = None
        self._parts: list[str] | None = None

    def __bool__(self) -> bool:
        """Whether there is a key to mask."""
        return bool(self._keys)

    def with_key(self, key: str | None) -> KeyMask:
        """A mask with one more key.

        It keeps the first key, which is that of the original client, and the last ones: the masks of a chain
        of copies, each with another key, must not grow.

        Args:
            key: The key; None adds nothing.
        """
        first, others = self._keys[:1], [known for known in self._keys[1:] if known != key]
        if not key or key in (*first, *self._keys[-1:]):
            return self
        return KeyMask(*first, *others[2 - _MAX_KEYS :], key)

    def text(self, text: str) -> str:
        """The text with `MASK` in place of the key.

        Args:
            text: Text that may contain the key.
        """
        if not self._may_contain_key(text):
            return text
        spans = self.spans(text)
        if not spans:
            return text
        pieces, end = [], 0
        for start, stop in spans:
            pieces += [text[end:start], MASK]
            end = stop
        return "".join((*pieces, text[end:]))

    def spans(self, text: str) -> list[Span]:
        """The positions of the key in a text, as it is or encoded.

        Args:
            text: Text that may contain the key.

        Returns:
            Pairs of start and end, in order, without overlap.
        """
        rounds = _unescaped(text) if self._keys else [text]
        spans = list(self._plain_spans(rounds[-1]))
        for before in reversed(rounds[:-1]):
            # The characters before a key may look like an escape together with its first characters.
            spans = [*(_original_spans(before, spans) if spans else ()), *self._plain_spans(before)]
        apart: list[Span] = []
        for start, stop in sorted(spans):
            if apart and start < apart[-1][1]:
                apart[-1] = apart[-1][0], max(stop, apart[-1][1])
            else:
                apart.append((start, stop))
        return apart

    def data(self, value: Any) -> Any:
        """A copy of JSON data in which every string is masked, field names included.

        Args:
            value: Strings, bytes, numbers, and lists, tuples and dictionaries of them.
        """
        return self._copy(value, {})

    def response(self, response: Response[Any]) -> Response[Any]:
        """The same response, or a masked copy if it contains the key.

        Args:
            response: The response.
        """
        if not self._keys:
            return response
        names = {self.text(name): self.text(value) for name, value in response.headers.items()}
        body, data = self._bytes(response.body), response.data
        if (body is response.body or b"\0" in body) and not self._is_plain(response):
            body = MASK.encode()
        if body is not response.body or self._is_numeric or (not response.body and data is not None):
            data = body if isinstance(data, bytes) else self.data(data)
        url = self.text(response.url)
        unchanged = body is response.body and data is response.data and url == response.url
        if unchanged and names == dict(response.headers):
            return response
        return response.with_content(headers=names, data=data, body=body, url=url)

    def error(self, error: Error, *, masked: Response[Any] | None = None) -> None:
        """Mask the key in an error: in its message, its response and its other attributes.

        Args:
            error: The error. Its `__cause__` is removed if it, or an exception behind it, contains the key.
            masked: The response of the error if it is already masked: a large one takes seconds.
        """
        error.args = tuple(map(self.data, error.args))
        for name, value in vars(error).items():
            if masked is None or value is not masked:
                clean = self.response(value) if isinstance(value, Response) else self.data(value)
                if clean is not value:
                    setattr(error, name, clean)
        texts = (text for cause in _causes(error) for text in (str(cause), repr(cause.args)))
        if any(self.text(text) != text for text in texts):
            error.__cause__ = None

    def _is_plain(self, response: Response[Any]) -> bool:
        """Whether the body does not contain the key when it is decoded with its charset, e.g. UTF-16."""
        text = response.text
        return text == response.body.decode("latin-1") or self.text(text) is text

    def _copy(self, value: Any, texts: dict[str, str]) -> Any:
        """A masked copy; `texts` caches masked strings, because field names repeat."""
        if isinstance(value, str):
            if value not in texts:
                texts[value] = self.text(value)
            return texts[value]
        if isinstance(value, bytes):
            return self._bytes(value)
        if self._is_numeric and type(value) in (int, float):
            return MASK if self.spans(repr(value)) else value
        if isinstance(value, dict):
            return {self._copy(name, texts): self._copy(entry, texts) for name, entry in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)([self._copy(entry, texts) for entry in value])
        return value

    def _bytes(self, value: bytes) -> bytes:
        text = value.decode("latin-1")
        masked = self.text(text)
        return value if masked is text else masked.encode("latin-1")

    def _may_contain_key(self, text: str) -> bool:
        """False if the text has neither an escape nor a part of the key: nearly every short text."""
        if self._has_short_key or re.search(_ESCAPE_START, text):
            return True
        if self._parts is None:
            forms = self._forms()
            self._parts = list(
                dict.fromkeys(part for form in forms for part in (form[:_PART_LENGTH], form[-_PART_LENGTH:]))
            )
        lowered = _lowered(text)
        for part in self._parts:  # noqa: SIM110  # a generator takes twice as long
            if part in lowered:
                return True
        return False

    def _forms(self) -> list[str]:
        if self._encodings is None:
            self._encodings = [
                form for key in self._keys if len(key) >= _MIN_KEY_LENGTH for form in _encodings_of(key)
            ]
        return self._encodings

    def _plain_spans(self, plain: str) -> Iterator[Span]:
        """The positions of the key in a text without escapes."""
        forms = self._forms()
        for key in self._keys:
            if len(key) < _MIN_KEY_LENGTH:
                alone = rf"(?<![A-Za-z0-9]){re.escape(key)}(?![A-Za-z0-9])"
                yield from (found.span() for found in re.finditer(alone, plain))
        if not forms:
            return
        lowered = _lowered(plain)
        for form in forms:
            yield from _spans_of(form, lowered)


def _encodings_of(key: str) -> list[str]:
    """Lower-case forms of the key in text: as it is, and in base64 at any offset."""
    forms = [_lowered(_unescaped(key)[-1])]
    for raw in {key.encode(), key.encode("latin-1", "replace")}:
        forms.append(_lowered(raw.decode("latin-1")))
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + raw).decode()
            # The outer characters of the base64 also depend on the bytes before and after the key.
            core = encoded[(0, 2, 3)[offset] : len(encoded) - (0, 3, 2)[(offset + len(raw)) % 3]]
            forms += [core.lower(), core.lower().translate({ord("+"): "-", ord("/"): "_"})]
    return [form for form in dict.fromkeys(forms) if len(form) >= _MIN_KEY_LENGTH]


def _lowered(text: str) -> str:
    """In lower case and of the same length: names of header fields come in any case."""
    return text.lower() if text.isascii() else text.replace("İ", "I").lower()


def _spans_of(form: str, text: str) -> Iterator[Span]:
    """Where either end of a form stands, together with what follows of it or precedes."""
    head, tail = form[:_PART_LENGTH], form[-_PART_LENGTH:]
    after, before = form[len(head) :], form[: -len(tail)]
    start = text.find(head)
    while start >= 0:
        stop = start + len(head)
        # The whole key is the usual case, and found without a loop over its characters.
        if text.startswith(after, stop):
            stop += len(after)
        else:
            stop += _common_length(after, text[stop : stop + len(after)])
        yield start, stop
        start = text.find(head, stop)
    start = text.find(tail)
    while start >= 0:
        stop = start + len(tail)
        if text.endswith(before, 0, start):
            start -= len(before)
        else:
            start -= _common_length(before[::-1], text[max(0, start - len(before)) : start][::-1])
        yield start, stop
        start = text.find(tail, stop)


def _common_length(first: str, second: str) -> int:
    """How many characters two texts have in common at their start."""
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))


def _unescaped(text: str) -> list[str]:
    """The text, followed by the results of undoing its escapes repeatedly."""
    rounds = [text]
    while len(rounds) <= _MAX_ROUNDS and re.search(_ESCAPE_START, rounds[-1]):
        plain = _unescaped_once(rounds[-1])
        if plain == rounds[-1]:
            break
        rounds.append(plain)
    return rounds


def _unescaped_once(text: str) -> str:
    characters = _Characters()
    return re.sub(_ESCAPE, lambda escape: characters[escape[0]], text)


class _Characters(dict[str, str]):
    """The character of each escape. Each is computed once, because a body may consist of escapes."""

    def __missing__(self, escape: str) -> str:
        if escape[0] == "%":
            character = _character(escape[-4:] if escape[-5:-4] == "u" else escape[-2:], 16)
        elif escape[0] == "\\":
            digits = escape.lstrip("\\")
            base = 16 if digits[:1] in ("u", "U", "x") else 8
            character = _character(digits.strip("uUx{}"), base) if digits else ""
        elif escape[0] == "&":
            name = escape[1:].rpartition("amp;")[2] or "amp;"
            if name[0] == "#":
                digits = name[1:].rstrip(";")
                character = _character(digits[1:], 16) if digits[0] in "xX" else _character(digits, 10)
            else:
                character = _named(name)
        else:
            character = ""
        self[escape] = character
        return character


def _named(name: str) -> str:
    """As `html.unescape` decodes a name, but much faster: a body may consist of names."""
    names = _names()
    character = names.get(name)
    if character is not None:
        return character
    for end in range(_MAX_LEGACY_NAME, 1, -1):
        character = names.get(name[:end])
        if character is not None:
            return character + name[end:]
    return f"&{name}"


@cache
def _names() -> dict[str, str]:
    from html.entities import html5  # a large table that few messages need

    return html5


def _character(digits: str, base: int) -> str:
    number = int(digits[-10:], base)
    return chr(number) if number <= sys.maxunicode else "\ufffd"


def _original_spans(text: str, spans: list[Span]) -> list[Span]:
    """Map spans to their positions before the escapes of the text were undone."""
    edges = sorted({edge for span in spans for edge in span})
    found: dict[int, int] = {}
    wanted = 0
    characters = _Characters()
    plain = start = 0  # positions in the unescaped text and in this one
    for escape in re.finditer(_ESCAPE, text):
        ahead = plain + escape.start() - start
        while wanted < len(edges) and edges[wanted] <= ahead:
            found[edges[wanted]] = start + edges[wanted] - plain
            wanted += 1
        if wanted == len(edges):
            break
        plain, start = ahead + len(characters[escape[0]]), escape.end()
    for edge in edges[wanted:]:
        found[edge] = start + edge - plain
    return [(found[first], found[last]) for first, last in spans]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The causes of an error that a traceback shows."""
    waiting, seen = [error.__cause__], set()
    while waiting:
        link = waiting.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [link.__cause__, link.__context__]
