"""The trainer's command lines, to begin and to go on: the user's own, or ``yolo train …`` made from the plan."""

import re
from collections.abc import Mapping
from typing import Any

from hubtraining.domain import layout
from hubtraining.domain.arguments import Plan
from hubtraining.domain.session import SessionSpec, TrainerSpec

_PROJECT, _, _NAME = layout.RUN.rpartition("/")
RUN_FOLDER = {"project": _PROJECT, "name": _NAME, "exist_ok": True}
"""The arguments that make Ultralytics write where the agent looks."""

_PLAIN = re.compile(r"[\w./:@+-]+(,[\w./:@+-]+)*")


KEPT = ("batch", "device", "imgsz")
"""What Ultralytics lets a user change when it goes on; everything else is in the checkpoint."""

_UNKNOWN = "the hub names neither weights nor an architecture to start from, and nothing to go on from is intact"
NOTHING_TO_START_FROM = ("sh", "-c", f"echo '{_UNKNOWN}' >&2; exit 1")


def fresh(trainer: TrainerSpec, plan: Plan) -> tuple[str, ...]:
    """What the launcher runs where training begins, in the form that a pod's spec takes."""
    if trainer.command:
        return (*trainer.command, *trainer.args)
    return yolo({"model": plan.model, **dict(sorted(plan.arguments.items()))}) if plan.model else NOTHING_TO_START_FROM


def resumed(spec: SessionSpec, plan: Plan) -> tuple[str, ...]:
    """What it runs instead where training goes on; empty for a command of the user's own, which sees for itself."""
    if spec.trainer.command:
        return ()
    kept = {name: value for name, value in spec.train.args.items() if name in KEPT and value not in (None, "")}
    return yolo({"model": layout.RESUME_FILE, "data": plan.arguments["data"], **kept, "resume": True})


def yolo(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """``yolo train`` with these arguments, writing where the agent looks."""
    words = (literal(f"{name}={formatted(value)}") for name, value in {**arguments, **RUN_FOLDER}.items())
    return ("yolo", "train", *words)


def formatted(value: Any) -> str:
    """A value as the command line of Ultralytics reads it.

    It evaluates what it can as Python, so text that is more than a word, a number or a path is quoted.
    """
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else repr(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(repr, value))}]"
    return repr(value)


def literal(text: str) -> str:
    """Text that Kubernetes shall not expand: in commands and variables it takes ``$(NAME)`` for a reference."""
    return text.replace("$", "$$")
