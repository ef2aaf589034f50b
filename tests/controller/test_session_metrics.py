"""A session's series: as long as the session, and as its newest report says."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from builders.pod import NOON, a_pod
from builders.world import WorldBuilder, a_checkpoint, a_report, a_session, a_world
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from hubtraining.controller.cluster.cache import SessionCache
from hubtraining.controller.session_metrics import FAMILIES, PHASES, SessionCollector
from hubtraining.controller.values.world import Heard
from hubtraining.domain.report import CheckpointState, HubState, Metric, Report, Stage
from hubtraining.domain.session import Session

PREFIX = "hubtraining_session_"
Series = dict[tuple[str, ...], float]


class Scrape:
    """What Prometheus gets of these sessions."""

    def __init__(self, *sessions: Session, heard: dict[str, Heard] | None = None) -> None:
        self.cache = SessionCache()
        for session in sessions:
            self.cache.put(session)
        self.heard = heard or {}
        self.registry = CollectorRegistry()
        self.registry.register(SessionCollector(lambda: self.cache, self.heard.get))

    def series(self, name: str) -> Series:
        """Values by labels: namespace and session first, where they are."""
        text = generate_latest(self.registry).decode()
        (family,) = [each for each in text_string_to_metric_families(text) if each.name == name]
        return {_key(sample.labels): sample.value for sample in family.samples}

    def value(self, name: str, *labels: str) -> float | None:
        return self.series(f"{PREFIX}{name}").get(("team-a", "signs", *labels))


def _key(labels: dict[str, str]) -> tuple[str, ...]:
    first = [labels[name] for name in ("namespace", "session") if name in labels]
    return (*first, *(value for name, value in labels.items() if name not in ("namespace", "session")))


def running() -> WorldBuilder:
    return a_world().begun().with_pod(a_pod().training()).told()


def scrape(report: Report | None, builder: WorldBuilder | None = None) -> Scrape:
    session = (builder or running()).world().session
    return Scrape(session, heard={session.uid: Heard(report, NOON)} if report else None)


FULL: dict[str, Any] = {
    "latest": a_checkpoint(4),
    "best": a_checkpoint(3, CheckpointState.PENDING),
    "uploaded": 5,
    "hub": HubState("agent-1", NOON, consecutive_failures=2, buffered_updates=7),
}


def test_a_report_is_what_prometheus_sees() -> None:
    seen = scrape(a_report(4, **FULL))
    assert seen.value("epoch") == 4
    assert seen.value("epochs") == 10
    assert seen.value("progress_ratio") == 0.4
    assert seen.value("remaining_seconds") == 57.6
    assert seen.value("seconds_per_epoch") == 6.4
    assert seen.value("attempt") == 1
    assert seen.value("metric", "train/box_loss") == 1.234567891
    assert seen.value("metric_best", "metrics/mAP50-95(B)") == 0.5
    assert seen.value("checkpoints_uploaded") == 5
    assert seen.value("hub_consecutive_failures") == 2
    assert seen.value("buffered_updates") == 7
    assert seen.value("last_heartbeat_timestamp_seconds") == NOON.timestamp()


def test_only_checkpoints_that_the_hub_has_are_shown() -> None:
    seen = scrape(a_report(4, **FULL))
    assert seen.series(f"{PREFIX}checkpoint_epoch") == {("team-a", "signs", "latest"): 4}
    assert seen.value("checkpoint_timestamp_seconds", "latest") == NOON.timestamp()


def test_a_controller_that_has_heard_nothing_yet_shows_what_the_status_says() -> None:
    told = running().heard(a_report(4, **FULL)).told()
    seen = scrape(None, told)
    assert seen.value("epoch") == 4
    assert seen.value("progress_ratio") == 0.4
    assert seen.value("remaining_seconds") == 58
    assert seen.value("seconds_per_epoch") == 6
    assert seen.value("metric", "train/box_loss") == 1.23457
    assert seen.value("metric_best", "metrics/mAP50-95(B)") == 0.5
    assert seen.value("checkpoint_epoch", "latest") == 4
    assert seen.value("checkpoints_uploaded") == 5
    assert seen.value("buffered_updates") == 7


def test_what_nobody_knows_has_no_series() -> None:
    seen = Scrape(a_session())
    named = [family.name for family in FAMILIES if seen.series(family.name)]
    assert named == [f"{PREFIX}attempt"]


def test_a_metric_without_a_value_has_no_series() -> None:
    seen = scrape(a_report(metrics=(Metric("loss", None), Metric("score", 0.5))))
    assert seen.series(f"{PREFIX}metric") == {("team-a", "signs", "score"): 0.5}


def test_sessions_are_counted_by_phase() -> None:
    training = running().world().session
    sessions = [
        a_session("fresh", "uid-1"),
        msgspec.structs.replace(training, name="a", uid="uid-2"),
        msgspec.structs.replace(training, name="b", uid="uid-3"),
    ]
    counted = Scrape(*sessions).series("hubtraining_sessions")
    assert counted == {(phase,): {"Pending": 1.0, "Training": 2.0}.get(phase, 0.0) for phase in PHASES}


def test_a_phase_of_a_later_version_is_counted_too() -> None:
    tomorrows = msgspec.structs.replace(a_session(), status={"phase": "Dreaming"})
    assert Scrape(tomorrows).series("hubtraining_sessions")[("Dreaming",)] == 1


def test_series_are_gone_with_their_session() -> None:
    seen = scrape(a_report(4))
    seen.cache.remove(("team-a", "signs"), "session-1")
    assert all(not seen.series(family.name) for family in FAMILIES)


def test_a_status_that_cannot_be_understood_does_not_end_the_scrape() -> None:
    broken = msgspec.structs.replace(a_session("broken", "uid-9"), status={"attempt": "many"})
    seen = Scrape(broken, running().world().session)
    assert seen.series("hubtraining_sessions")[("Training",)] == 1


def test_a_metric_of_the_status_that_is_no_number_has_no_series() -> None:
    odd = msgspec.structs.replace(a_session(), status={"metrics": [{"name": "loss", "value": "low"}]})
    assert Scrape(odd).series(f"{PREFIX}metric") == {}


@pytest.mark.parametrize("name", ['quote"', "back\\slash", "line\nbreak", "ümlaut"])
def test_any_metric_name_can_be_scraped(name: str) -> None:
    assert scrape(a_report(metrics=(Metric(name, 1.0),))).value("metric", name) == 1


def test_an_old_heartbeat_is_not_younger_for_a_report_without_one() -> None:
    told = running().heard(a_report(4, **FULL)).told()
    later = a_report(5, hub=HubState("agent-1", None), time=NOON + timedelta(seconds=60))
    assert scrape(later, told).value("last_heartbeat_timestamp_seconds") == NOON.timestamp()


def second_attempt() -> WorldBuilder:
    """The first one uploaded five checkpoints and reached epoch 4; the next one prepares."""
    first = running().heard(a_report(4, **FULL)).told()
    failed = first.with_pod(a_pod().ended(code=1)).told().without_pod()
    again = failed.having(heard=None, outcome=None).at(600).prepared().told()
    return again.with_pod(a_pod(uid="pod-2", attempt=2).fetching()).told()


def test_a_new_attempt_goes_on_from_what_the_session_had() -> None:
    seen = scrape(a_report(0, attempt=2, stage=Stage.PREPARING), second_attempt())
    assert (seen.value("epoch"), seen.value("progress_ratio")) == (4, 0.4)
    assert seen.value("checkpoints_uploaded") == 5
    assert seen.value("checkpoint_epoch", "latest") == 4
    pending = {"latest": a_checkpoint(5, CheckpointState.PENDING), "uploaded": 1}
    seen = scrape(a_report(5, attempt=2, **pending), second_attempt())
    assert seen.value("checkpoints_uploaded") == 6
    assert seen.value("checkpoint_epoch", "latest") == 4


def test_a_session_that_does_not_train_now_says_nothing_about_the_time_that_is_left() -> None:
    suspended = running().heard(a_report(4)).told().spec(suspend=True).told()
    stopped = suspended.without_pod(a_pod().ended(code=143).deleting()).told()
    assert not stopped.world().is_open
    assert scrape(a_report(4), stopped).value("remaining_seconds") is None
    assert scrape(a_report(4), stopped).value("epoch") == 4
