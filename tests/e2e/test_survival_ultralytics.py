"""Real training that is evicted on the way: it goes on where it was, and the agent beside it stays small."""

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import steady
from support.real_node import memory_kib, process_of
from support.results import results, sha256
from support.site import Body, Site, until
from support.steady import NOTES, WORKSPACES

from demo import session

pytestmark = pytest.mark.e2e

Tell = Callable[[str], None]
EPOCHS = 12
EVICTED_AFTER = 6
"""Epochs of the first attempt."""
AGENT_KIB = 40 * 1024
"""Of memory, which an agent never exceeds."""


@dataclass(frozen=True)
class Evicted:
    """A session whose first pod was evicted."""

    status: Body
    kept: Path
    """The trainer's copies of each epoch's last.pt, in a folder for each attempt."""
    agent_kib: int
    """The most that the second attempt's agent held."""

    def epochs(self, attempt: int) -> dict[int, str]:
        """SHA-256 of what an attempt saved, by epoch, counted from 1."""
        found = (self.kept / str(attempt)).glob("epoch-*.pt")
        return {int(path.stem.partition("-")[2]) + 1: sha256(path) for path in found}


@pytest.fixture(scope="module")
def evicted(site: Site) -> dict[str, Evicted]:
    """One on each kind of workspace, by that kind; they train side by side."""
    steady.prepare(site)
    folder = f"kept-{secrets.token_hex(4)}"
    names = {kind: f"resumed-{kind}" for kind in WORKSPACES}
    for kind, name in names.items():
        site.apply(body(site, name, WORKSPACES[kind], f"{folder}/{kind}", HOLD_AT=str(EVICTED_AFTER)))
    for name in names.values():
        site.running_epoch(name, EVICTED_AFTER)
        site.evict(f"{name}-1-0")
    peaks = agents_memory(site, names)
    folders = {kind: site.volume(NOTES) / folder / kind for kind in names}
    return {kind: Evicted(site.finished(name), folders[kind], peaks[kind]) for kind, name in names.items()}


def agents_memory(site: Site, names: dict[str, str]) -> dict[str, int]:
    """The most that each second attempt's agent ever held, in KiB, looked at until they have ended."""
    agents = {kind: agent(site, name) for kind, name in names.items()}
    peaks = dict.fromkeys(names, 0)

    def all_ended() -> bool:
        held = {kind: memory_kib(pid) for kind, pid in agents.items()}
        peaks.update({kind: kib for kind, kib in held.items() if kib})
        return not any(held.values())

    until("the end of both agents", all_ended, 600)
    return peaks


def agent(site: Site, name: str) -> int:
    """The second attempt's agent, once it runs."""
    second = f"{name}-2-0"
    until(f"the pod {second}", lambda: second in site.kubectl("get", "pods", "-o", "name"))
    return until("its agent", lambda: process_of(site.get("pod", second), "agent"))


def body(site: Site, name: str, workspace: Body, folder: str, **env: str) -> Body:
    """Twelve epochs, of which a copy of each is kept."""
    env["KEEP_EPOCHS_DIR"] = "/kept/$(HUBTRAINING_ATTEMPT)"
    kept = [session.TELLING, *({"name": name, "value": value} for name, value in env.items())]
    template = {
        "volumes": [{"name": "kept", "persistentVolumeClaim": {"claimName": NOTES}}],
        "volumeMounts": [{"name": "kept", "mountPath": "/kept", "subPath": folder}],
    }
    made = site.session(name, trainer={"env": kept}, template={"spec": template})
    return {**made, "spec": {**made["spec"], "workspace": workspace}}


@pytest.fixture(params=WORKSPACES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_second_attempt_succeeds(evicted: dict[str, Evicted], kind: str) -> None:
    status = evicted[kind].status
    first, second = status["attempts"]
    assert (first["outcome"], first["reason"]) == ("Disrupted", "Drained")
    assert (second["outcome"], second["exitCode"]) == ("Succeeded", 0)
    assert (status.get("failures", 0), status["preemptions"]) == (0, 1)


def test_no_epoch_is_trained_twice(evicted: dict[str, Evicted], kind: str, tell: Tell) -> None:
    first, second = (set(evicted[kind].epochs(attempt)) for attempt in (1, 2))
    tell(f"resumed-{kind}: epochs {min(first)} to {max(first)}, then {min(second)} to {max(second)}")
    assert first == set(range(1, EVICTED_AFTER + 1))
    assert second == set(range(EVICTED_AFTER + 1, EPOCHS + 1))
    assert evicted[kind].status["attempts"][1]["resumedEpoch"] == EVICTED_AFTER


def test_the_hub_has_every_epoch_and_the_trainers_best(site: Site, evicted: dict[str, Evicted], kind: str) -> None:
    name = f"resumed-{kind}"
    assert sorted(site.hub_metrics(name)) == list(range(1, EPOCHS + 1))
    kept = [*evicted[kind].epochs(1).items(), *evicted[kind].epochs(2).items()]
    uploads = site.uploads(name)
    assert [each["sha256"] for each in uploads if each["type"] == "final"] == [
        sha256(evicted[kind].kept / "2" / "best.pt")
    ]
    early = [(each["epoch"] + 1, each["sha256"]) for each in uploads if each["type"] == "epoch"]
    assert early
    assert set(early) <= set(kept)


def test_its_metrics_are_those_of_both_attempts_in_results_csv(site: Site, evicted: dict[str, Evicted]) -> None:
    own = results(site.workspace("resumed-claim") / "run" / "results.csv")
    hub = site.hub_metrics("resumed-claim")
    for epoch, row in own.items():
        for name in (name for name in row if name.startswith(("train/", "val/", "metrics/"))):
            if math.isfinite(row[name]):
                assert hub[epoch][name] == pytest.approx(row[name]), (epoch, name)


def test_the_agent_needs_little_memory(evicted: dict[str, Evicted], kind: str, tell: Tell) -> None:
    tell(f"resumed-{kind}: the agent held at most {evicted[kind].agent_kib / 1024:.1f} MiB")
    assert evicted[kind].agent_kib <= AGENT_KIB


def test_evicted_while_its_model_is_validated_it_trains_no_more_than_the_last_epochs_again(
    site: Site, evicted: dict[str, Evicted], tell: Tell
) -> None:
    """The end of training makes its checkpoints useless for going on, in place: what was whole before was kept.

    Copies may take their time on a busy machine, and rest ten times as long; the hub had no more than the first epoch.
    """
    name, folder = "validated", f"kept-{secrets.token_hex(4)}"
    site.apply(body(site, name, WORKSPACES["emptydir"], folder, HOLD_AT="end", EPOCH_SECONDS="2"))
    until("the end of training", lambda: "held at end" in site.trainer_log(f"{name}-1-0"))
    site.evict(f"{name}-1-0")
    ended = Evicted(site.finished(name), site.volume(NOTES) / folder, 0)
    again = sorted(ended.epochs(2))
    tell(f"{name}: after its {EPOCHS} epochs, {again} once more")
    assert ended.status["phase"] == "Succeeded"
    assert sorted(ended.epochs(1)) == list(range(1, EPOCHS + 1))
    assert again == list(range(again[0], EPOCHS + 1))
    assert again[0] > EPOCHS // 2
    assert [each["sha256"] for each in site.uploads(name) if each["type"] == "final"] == [
        sha256(ended.kept / "2" / "best.pt")
    ]
