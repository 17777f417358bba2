"""``paretoscope keys``: who may come in, over HTTP and from other machines over ZeroMQ."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from paretoscope.cli import options

if TYPE_CHECKING:
    from paretoscope.adapters.api_keys import Scope
    from paretoscope.settings import Settings


class Action(StrEnum):
    MAKE = "make"
    LIST = "list"
    REVOKE = "revoke"


class For(StrEnum):
    READ = "read"
    CHOOSE = "choose"
    ADMIN = "admin"
    SEND = "send"


def command(
    action: Annotated[Action, typer.Argument(help="make, list or revoke.")],
    name: Annotated[str | None, typer.Option("--name", help="Whose key, e.g. laptop.")] = None,
    scope: Annotated[
        For,
        typer.Option(
            "--scope",
            help="read: look. choose: also choose, name and send images over HTTP. admin: everything. "
            "send: frames over ZeroMQ (a CURVE key pair).",
        ),
    ] = For.READ,
    config: options.Config = None,
    data: options.Data = None,
) -> None:
    """Make, list or revoke the keys of callers and senders; a running service follows by itself, and its
    audit log tells who did it."""
    from paretoscope.adapters.key_journal import KeyJournal
    from paretoscope.errors import BadParameters
    from paretoscope.settings import load

    settings = load(config, data=data)
    if action is Action.LIST:
        _list(settings)
        return
    if name is None:
        raise BadParameters(hint=f"Say whose key: paretoscope keys {action} --name NAME.")
    told = "" if action is Action.REVOKE else scope.value
    with KeyJournal(settings.keys_journal).noting(action.upper(), name, told):
        if action is Action.REVOKE:
            _revoke(settings, name)
        elif scope is For.SEND:
            _make_pair(settings, name)
        else:
            _make(settings, name, cast("Scope", scope.value))
    _record(settings)


def _record(settings: Settings) -> None:
    """Into the audit log of the store that runs; else the API does it when it starts."""
    from paretoscope.adapters.key_journal import KeyJournal
    from paretoscope.adapters.store.launch import attach
    from paretoscope.errors import ParetoscopeError

    try:
        with attach(settings) as store:
            KeyJournal(settings.keys_journal).hand_over(store)
    except ParetoscopeError:
        typer.echo("No store runs here: the audit log gets it when the service starts.", err=True)


def _make(settings: Settings, name: str, scope: Scope) -> None:
    from paretoscope.adapters.api_keys import KeyFile

    key, token = KeyFile(settings.api_keys_file).make(name, scope)
    typer.echo(token)
    typer.echo(
        f"The key of {key.name} ({key.scope}), shown this once. It goes into PARETOSCOPE_KEY, or the header "
        f"`Authorization: Bearer KEY`, or the page's form. Its digest is in {settings.api_keys_file}.",
        err=True,
    )


def _pairs(settings: Settings) -> Path:
    return settings.frames_keys or settings.data / "frames-keys"


def _make_pair(settings: Settings, name: str) -> None:
    from paretoscope.bridge.security import BRIDGE, make_keys

    folder = _pairs(settings)
    (secret,) = make_keys(folder, name)
    typer.echo(secret)
    typer.echo(
        f"Take it and {folder / BRIDGE}.key to the sender, and delete the secret here. The bridge takes its "
        f"frames with PARETOSCOPE_FRAMES_KEYS={folder}.",
        err=True,
    )


def _list(settings: Settings) -> None:
    from paretoscope.adapters.api_keys import KeyFile
    from paretoscope.bridge.security import senders

    keys = KeyFile(settings.api_keys_file).keys()
    for key in keys:
        typer.echo(f"{key.name:24}  {key.scope:8}  {key.key_id}  made {key.made_at}")
    names = senders(_pairs(settings))
    for sender in names:
        typer.echo(f"{sender:24}  {'send':8}  {_pairs(settings) / 'clients' / f'{sender}.key'}")
    if not keys and not names:
        typer.echo("no keys", err=True)


def _revoke(settings: Settings, name: str) -> None:
    from paretoscope.adapters.api_keys import KeyFile
    from paretoscope.bridge.security import revoke
    from paretoscope.errors import NotFound

    sender = revoke(_pairs(settings), name)
    try:
        key = KeyFile(settings.api_keys_file).revoke(name)
        typer.echo(f"revoked {key.name} ({key.scope})", err=True)
    except NotFound:
        if not sender:
            raise
    if sender:
        typer.echo(f"revoked the sender {name}", err=True)
