"""Log lines on a terminal, or in a pipe: lines on standard output, words about them on standard error."""

import click

from hubtraining.domain.names import CONTAINER_AGENT, CONTAINER_FETCH, CONTAINER_TRAINER
from hubtraining.people.streams import Line

COLOURS = {CONTAINER_TRAINER: "green", CONTAINER_AGENT: "blue", CONTAINER_FETCH: "magenta"}
WIDTH = max(map(len, COLOURS))


class Prefixed:
    """Prints each line with its container's name before it, unless there is one container only."""

    def __init__(self, *, prefix: bool, timestamps: bool = False) -> None:
        self._prefix = prefix
        self._timestamps = timestamps

    def line(self, line: Line) -> None:
        """A line of a container."""
        stamp = f"{line.stamp} " if self._timestamps and line.stamp else ""
        click.echo(f"{self._name(line)}{stamp}{line.text}")

    def note(self, text: str) -> None:
        """A word about the lines."""
        click.secho(f"-- {text}", err=True, dim=True)

    def _name(self, line: Line) -> str:
        if not self._prefix:
            return ""
        container = line.place.container
        return click.style(f"{container:{WIDTH}} | ", fg=COLOURS.get(container))
