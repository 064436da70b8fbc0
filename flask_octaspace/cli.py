"""`flask octaspace check`, `call`, `config`, `rentals` and `reap`."""

from __future__ import annotations

import base64
import json
from dataclasses import fields
from typing import Any

import click
from flask.cli import AppGroup

import octaspace
from octaspace import Client, Config

from .calls import (
    ChangeRefusedError,
    ReadOnlyClient,
    find_method,
    method_instead,
    method_names,
    parse_arguments,
)
from .client import MaskedClient
from .errors import describe
from .state import State, current_state

__all__ = ["commands"]

_LEDGER = "OCTASPACE_RENTAL_LEDGER in app.config (FLASK_OCTASPACE_RENTAL_LEDGER with from_prefixed_env)"
_KEY = "OCTASPACE_API_KEY"

commands = AppGroup("octaspace", help="Check and call the OctaSpace API with this app's configuration.")


@commands.command()
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds for each call.",
)
@click.pass_context
def check(context: click.Context, timeout: float) -> None:
    """Check that each endpoint answers and accepts the key.

    Exit code 0 if every endpoint answers and accepts the key (if one is set), otherwise 1.
    """
    state = current_state()
    config = state.config
    mode = "keep-alive" if config.keep_alive else "one connection per call"
    click.echo(
        f"configuration: {len(config.endpoints)} endpoint(s), {mode}, "
        f"client scope {state.settings.client_scope}"
    )
    for name in _deciding(config):
        click.echo(f"{name}: {_shown(config, name)} ({_origin(state, name)})")
    failed = False
    for url in config.endpoints:
        alone = config.replace(base_urls=None, base_url=url, max_retries=0, total_timeout=timeout)
        with Client.from_config(alone) as client:
            reachable, words = _reach(client)
            accepted, key_words = _try_key(client) if reachable and config.api_key is not None else (True, "")
        failed = failed or not (reachable and accepted)
        click.echo(f"{url}: {words}{key_words}")
    if failed:
        context.exit(1)


def _deciding(config: Config) -> list[str]:
    """The options that decide where calls go, as whom, and where rentals are recorded."""
    return ["base_url" if config.base_urls is None else "base_urls", "api_key", "rental_ledger"]


def _reach(client: Client) -> tuple[bool, str]:
    try:
        response = client.network.info()
        octaspace.types.Network.from_api(response.data)
    except octaspace.Error as error:
        return False, f"failed: {_words(error)}"
    return True, f"reachable, {response.elapsed * 1000:.0f} ms"


def _try_key(client: Client) -> tuple[bool, str]:
    try:
        client.accounts.profile()
    except octaspace.AuthenticationError:
        return False, ", key refused (401)"
    except octaspace.Error as error:
        return False, f", key not accepted: {_words(error)}"
    return True, ", key accepted"


@commands.command()
@click.argument("method")
@click.argument("arguments", nargs=-1)
@click.option("--yes", is_flag=True, help="Allow a call that changes something.")
def call(method: str, arguments: tuple[str, ...], yes: bool) -> None:
    """Call METHOD of the SDK and print its data as JSON.

    METHOD is any method that makes one call of the API; an unknown name prints their list. Methods that make
    more than one, such as services.mr.search and services.mr.rent, are for Python: services.mr.list and
    services.mr.create make single calls.

    \b
    flask octaspace call network.info
    flask octaspace call nodes.find 123
    flask octaspace call sessions.list recent=true
    flask octaspace call services.session.logs UUID
    flask octaspace call nodes.download_ident 123 to=ident.bin

    ARGUMENTS are values or name=value. Bytes are printed as {"base64": …}; to=FILE writes them to a file.
    Errors go to stderr, with exit code 1.
    """
    state = current_state()
    with ReadOnlyClient.for_app(state.app, state.config) as client:
        client.may_change = yes
        try:
            found = find_method(client, method, arguments)
            if found is None:
                instead = method_instead(client, method)
                if instead is not None:
                    raise click.UsageError(f"{method} makes more than one call; call {instead} here")
                raise click.UsageError(
                    f"no method {method!r}; the methods are:\n  " + "\n  ".join(method_names(client))
                )
            function, rest = found
            positional, keywords = parse_arguments(function, rest)
            data = function(*positional, **keywords).data
        except ChangeRefusedError as refused:
            raise click.UsageError(f"{refused} changes something; add --yes to allow it") from None
        except octaspace.Error as error:
            raise click.ClickException(_words(error)) from None
        except (TypeError, ValueError) as error:
            raise click.UsageError(f"{method}: {error}") from None
        except OSError as error:  # the file of to=
            raise click.ClickException(str(error)) from None
    click.echo(json.dumps(data, indent=2, default=_plain))


def _plain(value: object) -> Any:
    """Convert a value that JSON does not have: a body of bytes, or the path of a download."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    return str(value)


@commands.command(name="config")
def show_config() -> None:
    """Print every option, its value and where it came from; the key is masked."""
    state = current_state()
    values = {field.name: _shown(state.config, field.name) for field in fields(Config)}
    values["client_scope"] = repr(state.settings.client_scope)
    wide = max(map(len, values))
    for name, value in values.items():
        click.echo(f"{name:<{wide}}  {value}  ({_origin(state, name)})")


def _shown(config: Config, name: str) -> str:
    value = getattr(config, name)
    return repr("***" if name == "api_key" and value is not None else value)


def _origin(state: State, name: str) -> str:
    return str(state.settings.origins.get(name, "default"))


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--all", "with_closed", is_flag=True, help="Print closed entries as well.")
@click.pass_context
def rentals(context: click.Context, as_json: bool, with_closed: bool) -> None:
    """Print the entries of the rental ledger.

    States and costs are those of one GET /sessions. Exit code 0; 1 if the ledger or the sessions could not be
    read; 2 if no ledger is configured.
    """
    from octaspace.rentals.command_line import show_rentals  # imported here: few processes need the reaper

    with _masked_client() as client:
        code = show_rentals(client, as_json=as_json, with_closed=with_closed, option=_LEDGER)
    context.exit(code)


@commands.command(name="reap")
@click.option(
    "--every", callback=lambda context, option, text: _period(text), metavar="SECONDS",
    help="Run until SIGTERM, one round every SECONDS.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each round.")
@click.pass_context
def reap_rentals(context: click.Context, every: float | None, dry_run: bool, as_json: bool) -> None:
    """Stop the rentals that have lost their owner or passed their deadline.

    Exit code 0; 1 if something could not be stopped, or the ledger or the sessions could not be read; 2 if no
    ledger or no key is configured.
    """
    from octaspace.rentals.command_line import run_reaper

    with _masked_client() as client:
        code = run_reaper(
            client, every=every, dry_run=dry_run, as_json=as_json, option=_LEDGER, key_option=_KEY
        )
    context.exit(code)


def _masked_client() -> MaskedClient:
    state = current_state()
    return MaskedClient.for_app(state.app, state.config)


def _period(text: str | None) -> float | None:
    from octaspace.rentals.command_line import checked_period

    try:
        return None if text is None else checked_period(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _words(error: octaspace.Error) -> str:
    return f"{type(error).__name__}: {describe(error)}"
