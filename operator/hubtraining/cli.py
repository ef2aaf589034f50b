"""The command ``hubtraining``: reads the environment, builds objects, nothing else.

Each program's imports happen when it is chosen, so the agent never pays for the controller's.
"""

import importlib
import os
import sys
from collections.abc import Callable, Mapping

import click

from hubtraining import __version__

Program = Callable[[Mapping[str, str]], int]


class LazyGroup(click.Group):
    """A group that imports a command when it is chosen, completed or listed."""

    ELSEWHERE: Mapping[str, str] = {
        "hub": "hubtraining.hub.commands",
        "logs": "hubtraining.people.commands",
        "manifests": "hubtraining.people.commands",
        "run": "hubtraining.people.commands",
        "watch": "hubtraining.people.commands",
    }
    """Commands that are objects of their own name in these modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """By name, wherever they are."""
        return sorted([*super().list_commands(ctx), *self.ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported if need be."""
        if cmd_name not in self.ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(importlib.import_module(self.ELSEWHERE[cmd_name]), cmd_name)
        return found


def start(module: str) -> None:
    """Run ``main(environ)`` of a program's module and leave with what it returns."""
    program: Program = importlib.import_module(module).main
    sys.exit(program(os.environ))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """YOLO training sessions on Kubernetes."""


@main.command()
def controller() -> None:
    """Reconcile HubTrainingSessions (runs in the cluster)."""
    start("hubtraining.controller.program")


@main.command()
def agent() -> None:
    """Report a training run to its hub (runs beside the trainer)."""
    start("hubtraining.agent.program")


@main.command()
def fetch() -> None:
    """Bring a run's weights and data set (runs before the trainer)."""
    start("hubtraining.agent.fetch")
