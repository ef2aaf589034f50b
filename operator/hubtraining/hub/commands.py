"""The command ``hubtraining hub``: serves, and does what only the hub's owner may."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import click

from hubtraining import logs
from hubtraining.hub import owner
from hubtraining.hub.model_view import timestamp
from hubtraining.hub.refusals import Refusal
from hubtraining.hub.settings import HubSettings, SettingsError
from hubtraining.hub.store.filesystem import UnsuitableFolder

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="HUBTRAINING_HUB_DATA",
    show_envvar=True,
    help="Folder of the hub's rows and files, on a local or block file system.",
)


class HubGroup(click.Group):
    """Turns what people can mend into one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; its own errors end it without a traceback."""
        try:
            return super().invoke(ctx)
        except (SettingsError, UnsuitableFolder, Refusal) as error:
            raise click.ClickException(str(error)) from None


@click.group(
    cls=HubGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    short_help="Serve the hub, or manage its keys, data sets and weights.",
)
@data_option
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")  # noqa: S104 - in a pod
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.pass_context
def hub(context: click.Context, data: Path | None, host: str, port: int) -> None:
    """Serve the hub. With a command: manage the hub's keys, data sets and start weights instead."""
    if context.invoked_subcommand is not None:
        return
    from hubtraining.hub.server.program import serve  # noqa: PLC0415 - the commands need no web server

    logs.set_up(*log_style(os.environ))
    asyncio.run(serve(folder(data), host, port, HubSettings.from_env(os.environ), os.environ))


def log_style(environ: Mapping[str, str]) -> tuple[str, logs.Format]:
    """What is logged, and in which form: plain unless asked otherwise, because people read it. Raises SettingsError."""
    level = (environ.get("HUBTRAINING_LOG_LEVEL") or "INFO").upper()
    style = environ.get("HUBTRAINING_LOG_FORMAT") or "plain"
    if level not in logs.LEVELS:
        raise SettingsError(f"HUBTRAINING_LOG_LEVEL is {level!r}: {', '.join(logs.LEVELS)} is allowed")
    if style not in logs.FORMATS:
        raise SettingsError(f"HUBTRAINING_LOG_FORMAT is {style!r}: {' or '.join(logs.FORMATS)} is allowed")
    return level, cast("logs.Format", style)


def folder(data: Path | None) -> Path:
    """The data folder: the command's option, or the one of ``hubtraining hub --data``."""
    found, context = data, click.get_current_context().parent
    while found is None and context is not None:
        found, context = context.params.get("data"), context.parent
    if found is None:
        raise click.UsageError("where is the hub's data? Use --data, or set HUBTRAINING_HUB_DATA")
    return Path(found)


@hub.group()
def key() -> None:
    """API keys."""


@key.command("create")
@click.argument("name")
@data_option
def create_key(name: str, data: Path | None) -> None:
    """Make a key and print it; it is shown only this once."""
    click.echo(owner.create_key(folder(data), name))


@key.command("list")
@data_option
def list_keys(data: Path | None) -> None:
    """List keys: id, name, time of creation, and whether they are revoked."""
    for record in owner.list_keys(folder(data)):
        state = "valid" if record.revoked_at is None else f"revoked {timestamp(record.revoked_at)}"
        click.echo(f"{record.id}  {record.name}  {timestamp(record.created_at)}  {state}")


@key.command("revoke")
@click.argument("name_or_id")
@data_option
def revoke_key(name_or_id: str, data: Path | None) -> None:
    """End all keys of a name, or one by its id."""
    count = owner.revoke_key(folder(data), name_or_id)
    if count == 0:
        raise click.ClickException(f"there is no valid key of the name or id {name_or_id!r}")
    click.echo(f"revoked {count}")


@hub.group()
def dataset() -> None:
    """Data sets."""


@dataset.command("add")
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@data_option
def add_dataset(name: str, file: Any, data: Path | None) -> None:
    """Give the hub a data set's zip (- reads it from standard input); the same name again replaces it."""
    click.echo(owner.add_dataset(folder(data), name, file))


@hub.group()
def weights() -> None:
    """Start weights."""


@weights.command("add")
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@data_option
def add_weights(name: str, file: Any, data: Path | None) -> None:
    """Give the hub start weights under a name such as yolo11n.pt; the same name again replaces them."""
    click.echo(owner.add_weights(folder(data), name, file))
