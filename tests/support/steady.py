"""Sessions of a trainer that keeps note of all that it does, so that what the hub has can be held against it."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from support.site import CLAIM, ROOT, Body, Site, until

PROGRAM = ROOT / "tests" / "e2e" / "programs" / "steady.py"
CODE = "steady"
NOTES = "notes"
"""A claim of its own: a kubelet never starts a pod that has one claim twice."""
WORKSPACES: dict[str, Body] = {"emptydir": {"sizeLimit": "1Gi"}, "claim": {"claimName": CLAIM}}
"""Both kinds of workspace, by a word for names."""


@dataclass(frozen=True)
class Epoch:
    """One training of one epoch."""

    attempt: int
    epoch: int
    seconds: float


@dataclass(frozen=True)
class Steady:
    """One session. ``words`` go to the trainer's program, ``spec`` over the session's."""

    site: Site
    name: str
    workspace: Body
    epochs: int = 24
    seconds: float = 0.4
    words: tuple[str, ...] = ()
    spec: Body = field(default_factory=dict)
    folder: str = field(default_factory=lambda: f"notes-{secrets.token_hex(4)}")

    def body(self) -> Body:
        command = ["python3", f"/code/{PROGRAM.name}", str(self.epochs), str(self.seconds), *self.words]
        resources = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
        spec: Body = {
            "model": "steady.yaml",
            "train": {"args": {"data": "none", "epochs": self.epochs}},
            "trainer": {"image": self.site.trainer_image, "command": command, "resources": resources},
            "workspace": self.workspace,
            "retry": {"backoffSeconds": 1},
            "progress": {"statusSeconds": 5},
            "template": {"spec": self._template()},
        }
        for key, value in self.spec.items():
            spec[key] = {**spec.get(key, {}), **value} if isinstance(value, dict) else value
        return {
            "apiVersion": "hubtraining.dev/v1alpha1",
            "kind": "HubTrainingSession",
            "metadata": {"name": self.name},
            "spec": spec,
        }

    def _template(self) -> Body:
        return {
            "volumes": [
                {"name": "code", "configMap": {"name": CODE}},
                {"name": "notes", "persistentVolumeClaim": {"claimName": NOTES}},
            ],
            "volumeMounts": [
                {"name": "code", "mountPath": "/code", "readOnly": True},
                {"name": "notes", "mountPath": "/notes", "subPath": self.folder},
            ],
        }

    def start(self) -> "Steady":
        self.site.apply(self.body())
        return self

    @cached_property
    def notes(self) -> Path:
        """The folder of notes, on the node's disk."""
        return self.site.volume(NOTES) / self.folder

    def noted(self) -> list[Body]:
        """Every whole line of the notes."""
        file = self.notes / "notes.jsonl"
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}\n")]

    def trained(self) -> list[Epoch]:
        """Every epoch that was trained to its end, in the order of time."""
        ended = [line for line in self.noted() if "done" in line]
        return [Epoch(n["attempt"], n["epoch"], n["done"] - n["began"]) for n in ended]

    def saved(self) -> set[tuple[int, str]]:
        """Epoch and SHA-256 of every checkpoint that was saved, or was about to be."""
        return {(line["saved"], line["sha256"]) for line in self.noted() if "saved" in line}

    def reached(self, epoch: int) -> None:
        """Wait until the trainer has done this epoch."""
        until(f"epoch {epoch} of {self.name}", lambda: any(each.epoch >= epoch for each in self.trained()))

    def trainer_ended(self) -> None:
        """Wait until the trainer is through; nobody else need know."""
        until(f"the last note of {self.name}", lambda: any("ended" in line for line in self.noted()))

    def attempted(self, number: int) -> Body:
        """The status once there is this attempt."""

        def there() -> Body | None:
            status = self.site.status(self.name)
            return status if status.get("attempt", 0) >= number else None

        return until(f"attempt {number} of {self.name}", there)

    def again(self) -> list[Epoch]:
        """What an attempt trained that a later one had to train once more."""
        trained = self.trained()
        return [each for i, each in enumerate(trained) if any(each.epoch == later.epoch for later in trained[i + 1 :])]

    def loss(self) -> str:
        """The loss window as it was, in a sentence."""
        again = self.again()
        seconds = sum(each.seconds for each in again)
        return f"{self.name}: {len(again)} of {self.epochs} epochs ({seconds:.1f} s) trained again"


def both(site: Site, name: str, **how: Any) -> list[Steady]:
    """A session on each kind of workspace, the emptyDir first, started."""
    runs = [Steady(site, f"{name}-{kind}", workspace, **how) for kind, workspace in WORKSPACES.items()]
    return [run.start() for run in runs]


def prepare(site: Site) -> None:
    """Give the namespace the trainer's program, and the claim for notes."""
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    site.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": NOTES}, "spec": asked})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CODE}}
    site.apply({**body, "data": {PROGRAM.name: PROGRAM.read_text()}})


def assert_nothing_lost(run: Steady) -> Body:
    """The session ends well, and the hub's record is what the trainer itself has left, once; returns the status."""
    status = run.site.finished(run.name)
    assert status["phase"] == "Succeeded", status
    conditions = {each["type"]: each["status"] for each in status["conditions"]}
    assert (conditions["Succeeded"], conditions["CheckpointSafe"]) == ("True", "True")
    until("the hub", lambda: run.site.hub_answers(run.name))
    assert_metrics(run)
    assert_checkpoints(run)
    numbers = range(1, status["attempt"] + 1)
    assert sorted(run.site.pods_ever(run.name)) == sorted(f"{run.name}-{number}-0" for number in numbers)
    return status


def assert_metrics(run: Steady) -> None:
    """Every epoch of the trainer's table, with its values, and no other."""
    lines = [json.loads(line) for line in (run.notes / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, run.epochs + 1))
    own = {line["epoch"]: metrics(line) for line in lines}
    assert {epoch: metrics(row) for epoch, row in run.site.hub_metrics(run.name).items()} == own


def metrics(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in ("train/loss", "val/accuracy")}


def assert_checkpoints(run: Steady) -> None:
    """The final is the trainer's best, and what came before is what it saved after that epoch; nothing twice."""
    uploads = run.site.uploads(run.name)
    finals = [each for each in uploads if each["type"] == "final"]
    before = [(each["epoch"] + 1, each["sha256"]) for each in uploads if each["type"] == "epoch"]
    assert [each["sha256"] for each in finals] == [hashlib.sha256((run.notes / "best.pt").read_bytes()).hexdigest()]
    assert set(before) <= run.saved()
    assert len(set(before)) == len(before)
    assert run.site.hub.get(f"/v1/models/{run.site.model(run.name)}")["status"] == "trained"
