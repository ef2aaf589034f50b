"""``kubectl hubtraining``: the commands for people as a plugin of kubectl's."""

import sys

import click
from click.shell_completion import ShellComplete

from hubtraining import __version__
from hubtraining.people.commands import logs, manifests, run, watch

NAME = "kubectl hubtraining"
NO_FILES = ":4"
"""What kubectl's completion is told at the end: offer no files."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def group() -> None:
    """YOLO training sessions on Kubernetes."""


for command in (run, watch, logs, manifests):
    group.add_command(command)


def main() -> None:
    """The program ``kubectl-hubtraining``, which kubectl finds by its name."""
    group.main(prog_name=NAME)


def complete() -> None:
    """The program ``kubectl_complete-hubtraining``, which kubectl asks what may come next."""
    *before, incomplete = sys.argv[1:] or [""]
    shell = ShellComplete(group, {}, NAME, "")
    for item in shell.get_completions(before, incomplete):
        click.echo(item.value if not item.help else f"{item.value}\t{item.help}")
    click.echo(NO_FILES)
