"""Lines to copy: a call as a curl command for a shell, and as a Python program.

A value that the playground leaves out, such as the key of the live API, is a variable. Without it the line
stops before anything is sent: `CopiedLine.variables` names them for the page.
"""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..formatting import query_text
from .methods import find_method
from .python_text import MODULES, variable_name
from .redaction import is_withheld

__all__ = ["KEY_VARIABLE", "CopiedLine", "curl", "python_program", "python_statement"]

#: The environment variable with the key of an API whose key is not shown.
KEY_VARIABLE: Final = "OCTA_API_KEY"

#: Arguments of a rental that only a client with a ledger takes.
_RECORDED: Final = {"name", "max_duration", "deadline"}

_SHORTENED: Final = "The call is too long for the request log, which has not kept all of it"


@dataclass(frozen=True)
class CopiedLine:
    """A text to copy.

    Attributes:
        text: The text, for a shell or for a Python prompt.
        variables: Names of the variables that have to be set first.
        problem: Why the text is only a comment; empty if it can be run.
    """

    text: str
    variables: tuple[str, ...] = ()
    problem: str = ""


def curl(
    method: str,
    endpoint: str,
    path: str,
    *,
    params: Mapping[str, str],
    body: Any,
    public: bool,
    expects: str | None,
    key: str | None,
) -> CopiedLine:
    """A call as a curl command for sh, bash and zsh. A file is written to a file and not to the terminal.

    Args:
        method: HTTP method.
        endpoint: Base URL.
        path: Path below it.
        params: Query parameters.
        body: JSON of the body; None for none.
        public: Whether it is sent without a key.
        expects: As `octaspace.Request.expects`.
        key: The key if it may be shown; otherwise the command reads it from `KEY_VARIABLE`.
    """
    url = endpoint + path
    if params:
        url += ("&" if "?" in path else "?") + query_text(params)
    words = ["curl", "--fail-with-body"]
    if set(url) & set("[]{}"):
        words.append("--globoff")
    if method != "GET":
        words += ["--request", method]
    if expects == "file":
        words += ["--output", path.partition("?")[0].strip("/").replace("/", "-")]
    text, variables = shlex.join(words), []
    if not public:
        text += " --header " + (
            f'"Authorization: ${KEY_VARIABLE}"' if key is None else shlex.quote(f"Authorization: {key}")
        )
        variables += [KEY_VARIABLE] if key is None else []
    if body is not None:
        quoted, left_out = _json_for_shell(body)
        text += f" --header 'Content-Type: application/json' --data {quoted}"
        variables += left_out
    return CopiedLine(f"{text} {shlex.quote(url)}", tuple(variables))


def _json_for_shell(body: Any) -> tuple[str, list[str]]:
    """JSON as one word of a shell. What is left out is a variable; while it is unset, the command fails."""
    variables: list[str] = []

    def text_of(value: Any, name: str) -> str:
        if isinstance(value, Mapping):
            entries = (f"{json.dumps(key)}: {text_of(entry, key)}" for key, entry in value.items())
            return "{" + ", ".join(entries) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(text_of(entry, name) for entry in value) + "]"
        if not is_withheld(value):
            return json.dumps(value)
        variables.append(_unused(variable_name(name), variables))
        return f"\0{variables[-1]}\0"  # JSON never has this character

    pieces = text_of(body, "body").split("\0")
    words = [
        f'"${{{piece}:?set it to the JSON that was left out}}"' if at % 2 else shlex.quote(piece)
        for at, piece in enumerate(pieces)
        if piece
    ]
    return "".join(words), variables


def _unused(name: str, names: list[str]) -> str:
    number = 2
    unused = name
    while unused in names:
        unused, number = f"{name}_{number}", number + 1
    return unused


def python_statement(line: str) -> str:
    """A Python line for a prompt: what a method returns is used, where it does nothing by itself."""
    tree = _parsed(line)
    returns = "" if tree is None else _returns(tree)
    if returns == "lines":
        return f"for text in {line}: print(text)"
    if returns == "session":
        return f"with {line} as session: print(session.uuid)"
    return line


def python_program(line: str, *, endpoint: str, public: bool, key: str | None) -> CopiedLine:
    """A whole program that makes the same call.

    Args:
        line: The call as the log keeps it, with `client` as its client.
        endpoint: Base URL.
        public: Whether it is sent without a key.
        key: The key if it may be shown; otherwise the program reads it from `KEY_VARIABLE`.
    """
    tree = _parsed(line)
    if tree is None:
        return CopiedLine(f"# {_SHORTENED}.\n", problem=_SHORTENED)
    line, left_out = _with_variables(line, tree)
    arguments = [] if public else [f'os.environ["{KEY_VARIABLE}"]' if key is None else repr(key)]
    arguments.append(f"base_url={endpoint!r}")
    if _needs_ledger(tree):
        arguments.append("rental_ledger='sqlite:///rentals.db'")
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    modules: list[str] = [name for name in MODULES if name in named]
    if arguments[0].startswith("os."):
        modules.append("os")
    lines = [f"import {name}" for name in sorted(modules)] + [""] * bool(modules) + ["import octaspace", ""]
    lines += [f"# Left out, because it may contain secrets: define {name} first." for name in left_out]
    # Not `client`: at a prompt, that one would be replaced by one that is closed.
    lines.append(f"with octaspace.Client({', '.join(arguments)}) as new_client:")
    lines += [f"    {each}" for each in _use(f"new_{line}", _returns(tree))]
    needed = [KEY_VARIABLE] if "os" in modules else []
    # The empty line ends a block at a prompt.
    return CopiedLine("\n".join([*lines, "", ""]), (*needed, *left_out))


def _use(line: str, returns: str) -> list[str]:
    if returns == "list":
        return [f"for offer in {line}:", "    print(offer)"]
    if returns == "lines":
        return [f"for text in {line}:", "    print(text)"]
    if returns == "session":
        return [f"with {line} as session:", "    print(session.uuid)"]
    return [f"response = {line}", "print(response.status, response.data)"]


def _parsed(line: str) -> ast.Expression | None:
    """The syntax of a line; None if it was shortened."""
    try:
        tree = ast.parse(line, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if isinstance(tree.body, ast.Call) and line.startswith("client.") else None


def _name(tree: ast.Expression) -> str:
    """The method that is called, as in ``services.session.logs``."""
    names: list[str] = []
    node: ast.expr = tree.body
    while isinstance(node, (ast.Call, ast.Attribute)):
        if isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
        node = node.func if isinstance(node, ast.Call) else node.value
    return ".".join(names)


def _returns(tree: ast.Expression) -> str:
    """What the method returns, as `Method.returns`; empty if it is unknown."""
    method = find_method(_name(tree))
    return "" if method is None else method.returns


def _needs_ledger(tree: ast.Expression) -> bool:
    """Whether it has arguments of a rental that only a client with a ledger takes."""
    method = find_method(_name(tree))
    given = {word.arg for word in tree.body.keywords} if isinstance(tree.body, ast.Call) else set()
    return method is not None and method.takes("max_duration") and bool(given & _RECORDED)


def _with_variables(line: str, tree: ast.Expression) -> tuple[str, list[str]]:
    """The line with a variable for each value that is left out; and their names."""
    left_out: list[str] = []

    def variable(name: str) -> ast.Name:
        left_out.append(_unused(variable_name(name), left_out))
        return ast.Name(left_out[-1], ast.Load())

    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and _is_left_out(node.value):
            node.value = variable(node.arg or "value")
        elif isinstance(node, ast.Dict):
            for at, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
                if _is_left_out(value):
                    named = key.value if isinstance(key, ast.Constant) else ""
                    node.values[at] = variable(str(named))
    return (ast.unparse(tree) if left_out else line), left_out


def _is_left_out(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and is_withheld(node.value)
