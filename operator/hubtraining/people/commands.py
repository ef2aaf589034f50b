"""``run``, ``watch``, ``logs`` and ``manifests`` as they are typed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from hubtraining.domain.invalid import InvalidSpec
from hubtraining.domain.names import CONTAINER_AGENT, CONTAINER_TRAINER
from hubtraining.domain.secret import Secret
from hubtraining.people import documents, work
from hubtraining.people.errors import PeopleError
from hubtraining.people.flags import KEY, Draft, Flags, draft
from hubtraining.people.options import session_name, where
from hubtraining.people.place import Where

IMAGE = "docker.io/ultralytics/ultralytics:8.4.114"
FLAGS = {
    "metadata.name": "--name",
    "spec.model": "MODEL",
    "spec.train.args.data": "--data",
    "spec.train.args.epochs": "--epochs",
    "spec.train.args.imgsz": "--imgsz",
    "spec.train.args.batch": "--batch",
    "spec.train.args": "--arg",
    "spec.trainer.image": "--image",
    "spec.trainer.env": "--env",
    "spec.trainer.command": "COMMAND",
    "spec.trainer.resources": "--gpus",
    "spec.workspace.claimName": "--claim",
    "spec.nodes": "--nodes",
    "spec.hub.url": "--hub-url",
    "spec.hub.webURL": "--hub-web-url",
    "spec.hub.credentialsSecretRef": "--hub-secret",
}
"""What to type differently where a field is wrong; the longest that fits."""


class CommandAfterDashes(click.Command):
    """Takes what stands after ``--`` as the trainer's own command, and nothing else: a forgotten flag is an error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Ours are parsed; the others wait in ``ctx.obj``."""
        cut = args.index("--") if "--" in args else len(args)
        ctx.obj = tuple(args[cut + 1 :])
        return super().parse_args(ctx, args[:cut])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """For the first line of the help."""
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND…]"]


@click.command(cls=CommandAfterDashes)
@click.argument("model")
@click.option("--data", help="Data set: a name that the hub knows, a path on a volume, or a URL.")
@click.option("--epochs", type=click.IntRange(min=1), help="How long to train.  [default: 300]")
@click.option("--imgsz", help="Size of images.  [default: 640]")
@click.option("--batch", help="Images in a batch; -1 finds out what fits.  [default: -1]")
@click.option("--arg", "args", multiple=True, metavar="KEY=VALUE", help="Any other argument of Ultralytics.")
@click.option("--name", default="", help="Of the session.  [default: from model and data]")
@click.option("--image", envvar="HUBTRAINING_TRAINER_IMAGE", show_envvar=True, default=IMAGE, show_default=True)
@click.option("--gpus", type=click.IntRange(min=0), default=1, show_default=True, help="How many; 0 trains on the CPU.")
@click.option("--gpu-resource", default="nvidia.com/gpu", show_default=True, help="What a node calls its GPUs.")
@click.option("--nodes", type=click.IntRange(min=1), default=1, show_default=True, help="Pods that train together.")
@click.option("--claim", default="", help="An existing PersistentVolumeClaim as workspace.")
@click.option("--env", multiple=True, metavar="KEY=VALUE", help="A variable of the trainer; not for secrets.")
@click.option("--queue", default="", help="Kueue's queue to wait in.")
@click.option("--hub-url", default="", help="API root of the hub.  [default: the operator's]")
@click.option("--hub-web-url", default="", help="Root of the hub's model links.")
@click.option("--hub-secret", default="", metavar="NAME[/KEY]", help="Secret with the hub's API key.")
@click.option("--dry-run", is_flag=True, help="Print the session, and do nothing.")
@click.option("--watch", is_flag=True, help="Follow it to its end.")
@where
@click.pass_context
def run(context: click.Context, /, place: Where, model: str, dry_run: bool, watch: bool, **flags: Any) -> None:
    """Train MODEL: make a session from flags.

    MODEL is a .pt or .yaml file, a model id, or a link to a model of the hub. Where it holds an API key, it is kept in
    a Secret and shown nowhere. `-` reads MODEL from standard input, or asks for it, so that it is not in your shell's
    history. After `--` may stand the trainer's own command.
    """
    with _sentences():
        wanted = Flags(model=_model(model), command=context.obj, namespace=place.namespace, **flags)
        made = draft(wanted)
    if dry_run:
        click.echo(documents.written([made.body], _about_the_secret(made)), nl=False)
        return
    work.done("run", place, made)
    click.echo(f"hubtrainingsession.hubtraining.dev/{made.name} created")
    if watch:
        _watch(place, made.name)


@click.command()
@session_name
@where
def watch(name: str, place: Where) -> None:
    """Follow a session to its end.

    Exit code 0: it succeeded. 1: it failed. 2: that could not be told. On a terminal it is a live table, elsewhere
    lines. Ctrl-C ends the watching, not the training.
    """
    _watch(place, name)


@click.command()
@session_name
@click.option("-f", "--follow", is_flag=True, help="Go on, through all attempts, until the session has ended.")
@click.option("--all", "chosen", flag_value="all", default="all", help="Of trainer, agent and fetch.  [default]")
@click.option("--trainer", "chosen", flag_value=CONTAINER_TRAINER, help="Of the trainer only.")
@click.option("--agent", "chosen", flag_value=CONTAINER_AGENT, help="Of the agent only.")
@click.option("--attempt", type=click.IntRange(min=1), help="Of this attempt only.  [default: the newest]")
@click.option("--tail", type=click.IntRange(min=0), help="The last lines of each container.  [default: all]")
@click.option("--timestamps", is_flag=True, help="With the time of each line.")
@where
def logs(
    name: str,
    place: Where,
    follow: bool,
    chosen: str,
    attempt: int | None,
    tail: int | None,
    timestamps: bool,
) -> None:
    """Print what a session's trainer and agent write."""
    from hubtraining.people.printing import Prefixed  # noqa: PLC0415 - with the Kubernetes client, see work.py
    from hubtraining.people.reading import ALL, Wanted  # noqa: PLC0415

    containers = ALL if chosen == "all" else (chosen,)
    printer = Prefixed(prefix=len(containers) > 1, timestamps=timestamps)
    work.done("logs", place, Wanted(name, containers, attempt, tail), follow, printer)


@click.command()
@click.argument("file", type=click.File())
@click.option("--attempt", type=click.IntRange(min=1), default=1, show_default=True, help="Which attempt's.")
@click.option("-n", "--namespace", default="", help="Which namespace.  [default: the file's]")
@click.option("--agent-image", envvar="HUBTRAINING_IMAGE", show_envvar=True, help="Image of agent and fetch.")
@click.option("--hub-url", envvar="HUBTRAINING_HUB_URL", show_envvar=True, help="API root of the operator's hub.")
def manifests(file: TextIO, attempt: int, namespace: str, agent_image: str | None, hub_url: str | None) -> None:
    """Print what the session in FILE would become.

    `-` reads standard input. No cluster and no hub is asked: what the hub would answer is assumed, and said. The
    operator's settings are read from the environment (HUBTRAINING_…); the rest is as the chart installs it.
    """
    from hubtraining.people import manifests as becoming  # noqa: PLC0415 - knows more of the operator than the others

    given = {"HUBTRAINING_IMAGE": agent_image, "HUBTRAINING_HUB_URL": hub_url}
    with _sentences():
        settings = becoming.settings({**os.environ, **{name: value for name, value in given.items() if value}})
        bodies = documents.read(file.read(), file.name)
        texts = [becoming.rendered(body, settings, attempt, namespace) for body in bodies]
    click.echo("---\n".join(texts), nl=False)


@contextmanager
def _sentences() -> Iterator[None]:
    """Errors of what was typed, as sentences that name the flag."""
    try:
        yield
    except InvalidSpec as error:
        flag = next((FLAGS[field] for field in sorted(FLAGS, key=len, reverse=True) if within(error.field, field)), "")
        raise PeopleError(f"{flag}: {error}" if flag else str(error)) from None


def within(field: str, stanza: str) -> bool:
    """Whether a field is this one, or a part of it."""
    return field == stanza or field.startswith((f"{stanza}.", f"{stanza}["))


def _model(text: str) -> Secret:
    if text != "-":
        return Secret(text)
    typed = click.prompt("Model identifier", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    return Secret(typed.strip())


def _about_the_secret(made: Draft) -> str:
    if not made.identifier:
        return ""
    return (
        f"The identifier holds an API key and is not printed. It belongs into a Secret:\n"
        f"kubectl create secret generic {made.secret_name} --from-file={KEY}=/dev/stdin"
    )


def _watch(place: Where, name: str) -> None:
    sys.exit(0 if work.done("watch", place, name) else 1)
