"""Flags that several commands have, in kubectl's spelling, and completion of names from the cluster."""

import functools
from collections.abc import Callable
from typing import Any

import click

from hubtraining.people import work
from hubtraining.people.place import Where

Command = Callable[..., Any]


def where(command: Command) -> Command:
    """Adds ``--namespace``, ``--context`` and ``--kubeconfig``, given to the command as ``place``."""

    @click.option("-n", "--namespace", default="", help="Which namespace.  [default: the context's]")
    @click.option("--context", default="", help="Which context of the kubeconfig.  [default: the current one]")
    @click.option("--kubeconfig", default="", metavar="FILE", help="Which kubeconfig.  [default: as kubectl]")
    @functools.wraps(command)
    def placed(kubeconfig: str, context: str, namespace: str, **others: Any) -> Any:
        return command(place=Where(kubeconfig, context, namespace), **others)

    return placed


def names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Sessions that the shell may offer; none where the cluster does not answer soon."""
    given = {name: context.params.get(name) or "" for name in ("kubeconfig", "context", "namespace")}
    try:
        found: list[str] = work.done("names", Where(**given))
    except (click.ClickException, TimeoutError):
        return []
    return [name for name in found if name.startswith(incomplete)]


session_name = click.argument("name", shell_complete=names)
