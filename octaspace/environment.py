"""Options in environment variables: `OCTA_API_KEY`, `OCTA_BASE_URL` and so on."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Mapping
from typing import Any, Final

from .errors import ConfigurationError
from .secret_values import ApiKey, MaskedUrl, ShortText
from .suggestion import closest
from .validation import CHECKS, CODE_ONLY, canonical_name, convert_option

__all__ = ["PREFIX", "read_environment"]

#: Prefix of the variables.
PREFIX: Final = "OCTA_"

#: Types with a masked repr for the text of a variable; `ShortText` for the others.
_TYPES: Final = {
    "api_key": ApiKey,
    "base_url": MaskedUrl,
    "base_urls": MaskedUrl,
    "rental_ledger": MaskedUrl,
    "user_agent": str,
    "ssl_verify": str,
}

#: Options that can be text, and the alias of one.
_READABLE: Final = (*(name for name in CHECKS if name not in CODE_ONLY), "persistent")


def read_environment(given: Mapping[str, object]) -> dict[str, tuple[Any, str]]:
    """Read the options that are not given otherwise. An empty variable is the same as none.

    A variable that may be misspelt causes a `RuntimeWarning` without its value, which Python shows by
    default: calls could go to another address than the one meant. Other programs may use the prefix as well,
    so no error is raised.

    Args:
        given: Options that take precedence. Variables that have no effect because of them are not read, so
            their values may be invalid: those of the same option, that of `base_urls` if `base_url` is given,
            and that of `base_url` if `base_urls` is given.

    Returns:
        By option: the checked value, and the name of the variable.

    Raises:
        ConfigurationError: A variable cannot be used; the message names it.
    """
    _warn_of_misspelt(list(os.environ))
    found: dict[str, tuple[Any, str]] = {}
    for name in _READABLE:
        if _is_decided(name, given):
            continue
        variable, option = PREFIX + name.upper(), canonical_name(name)
        text = _TYPES.get(name, ShortText)(os.environ.get(variable, "").strip("\r\n\t "))
        if not text:
            continue
        try:
            value = CHECKS[option](name, convert_option(name, text))
        except ConfigurationError as error:
            raise ConfigurationError(f"{variable}: {error}", option=name) from None
        if found.get(option, (value,))[0] != value:
            raise ConfigurationError(
                f"{found[option][1]} and {variable} are the same option and have different values",
                option=option,
            )
        found[option] = value, variable
    return found


def _is_decided(name: str, given: Mapping[str, object]) -> bool:
    if canonical_name(name) == "keep_alive":
        return "keep_alive" in given or "persistent" in given
    if name == "base_urls":
        return "base_urls" in given or "base_url" in given
    return name in given or (name == "base_url" and given.get("base_urls") is not None)


def _warn_of_misspelt(variables: Collection[str]) -> None:
    known = {PREFIX + name.upper() for name in _READABLE}
    for variable in variables:
        if not variable.upper().startswith(PREFIX) or variable in known:
            continue
        name = variable[len(PREFIX) :].lower()
        near = closest(name, _READABLE)
        if name in CODE_ONLY:
            reason = f": {name} can be set in code only"
        elif near is not None:
            reason = f"; did you mean {PREFIX}{near.upper()}?"
        else:
            continue
        text = f"The environment variable {variable} is ignored{reason}"
        warnings.warn(text, RuntimeWarning, stacklevel=4)  # the caller of Config.from_env
