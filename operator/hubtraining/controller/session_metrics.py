"""Metrics of sessions, made from memory at each scrape: a session's series exist exactly as long as it does."""

from collections import Counter as Count
from collections.abc import Callable, Iterable, Iterator

import msgspec
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hubtraining.controller.rules.booking import earlier
from hubtraining.controller.rules.status import read
from hubtraining.controller.rules.telling import finished_epochs
from hubtraining.controller.values.world import Heard
from hubtraining.domain.report import Checkpoint
from hubtraining.domain.session import Session
from hubtraining.domain.status import PHASES, CheckpointsStatus, CheckpointStatus, SessionStatus

Value = tuple[tuple[str, ...], float | None]
"""More labels, and the value; None makes no sample."""

Read = Callable[[SessionStatus, Heard | None], Iterable[Value]]


class Family(msgspec.Struct, frozen=True):
    """One metric of every session."""

    name: str
    help: str
    read: Read
    labels: tuple[str, ...] = ()


def _one(value: float | None) -> Iterator[Value]:
    yield (), value


def _epoch(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    told = status.progress.epoch if status.progress else None
    yield from _one(finished_epochs(heard.report, status.progress) if heard else told)


def _epochs(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    told = status.progress.epochs if status.progress else None
    yield from _one((heard.report.epochs if heard else None) or told)


def _ratio(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    epoch, epochs = next(iter(_epoch(status, heard)))[1], next(iter(_epochs(status, heard)))[1]
    yield from _one(min(1.0, epoch / epochs) if epoch is not None and epochs else None)


def _remaining(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    told = status.progress.estimated_remaining_seconds if status.progress else None
    yield from _one(heard.report.estimated_remaining_seconds if heard else told)


def _pace(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    told = status.progress.seconds_per_epoch if status.progress else None
    yield from _one(heard.report.seconds_per_epoch if heard else told)


def _values(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    if heard and heard.report.metrics:
        yield from (((metric.name,), metric.value) for metric in heard.report.metrics)
    else:
        yield from (((metric.name,), _number(metric.value)) for metric in status.metrics)


def _bests(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    if heard and heard.report.metrics:
        yield from (((metric.name,), metric.best) for metric in heard.report.metrics)
    else:
        yield from (((metric.name,), _number(metric.best)) for metric in status.metrics)


def _attempt(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    yield from _one(status.attempt)


def _beat(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    told = status.hub.last_heartbeat_time if status.hub else None
    moment = (heard.report.hub.last_heartbeat_time if heard else None) or told
    yield from _one(moment.timestamp() if moment else None)


def _failures(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    told = status.hub.consecutive_failures if status.hub else None
    yield from _one(heard.report.hub.consecutive_failures if heard else told)


def _buffered(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    told = status.hub.buffered_updates if status.hub else None
    yield from _one(heard.report.hub.buffered_updates if heard else told)


def _uploads(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    told = status.checkpoints.uploaded if status.checkpoints else None
    yield from _one(max(told or 0, earlier(status).uploaded + heard.report.uploaded) if heard else told)


def _checkpoints(
    status: SessionStatus, heard: Heard | None
) -> Iterator[tuple[str, Checkpoint | CheckpointStatus | None]]:
    """Those that the hub has: a new attempt's agent knows nothing of what came before."""
    known, told = status.checkpoints or CheckpointsStatus(), heard.report if heard else CheckpointsStatus()
    both = (("latest", told.latest, known.latest), ("best", told.best, known.best), ("final", told.final, known.final))
    for kind, *found in both:
        held = next((each for each in found if each is not None and each.state == "Uploaded"), None)
        if held is not None:
            yield kind, held


def _checkpoint_time(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    for kind, checkpoint in _checkpoints(status, heard):
        yield (kind,), checkpoint.time.timestamp() if checkpoint and checkpoint.time else None


def _checkpoint_epoch(status: SessionStatus, heard: Heard | None) -> Iterator[Value]:
    for kind, checkpoint in _checkpoints(status, heard):
        yield (kind,), checkpoint.epoch if checkpoint else None


FAMILIES: tuple[Family, ...] = (
    Family("hubtraining_session_epoch", "Finished epochs.", _epoch),
    Family("hubtraining_session_epochs", "Planned epochs.", _epochs),
    Family("hubtraining_session_progress_ratio", "Finished share of the planned epochs, 0 to 1.", _ratio),
    Family("hubtraining_session_remaining_seconds", "Estimated time to the last planned epoch.", _remaining),
    Family("hubtraining_session_seconds_per_epoch", "Mean over the newest epochs.", _pace),
    Family("hubtraining_session_metric", "The trainer's newest metrics.", _values, ("name",)),
    Family("hubtraining_session_metric_best", "The best value of a metric so far.", _bests, ("name",)),
    Family("hubtraining_session_attempt", "Number of the current attempt.", _attempt),
    Family("hubtraining_session_last_heartbeat_timestamp_seconds", "The last heartbeat that the hub answered.", _beat),
    Family(
        "hubtraining_session_checkpoint_timestamp_seconds",
        "When the newest checkpoint in the hub was taken: latest, best or final.",
        _checkpoint_time,
        ("kind",),
    ),
    Family("hubtraining_session_checkpoint_epoch", "Epoch of that checkpoint.", _checkpoint_epoch, ("kind",)),
    Family("hubtraining_session_checkpoints_uploaded", "Checkpoints that the hub acknowledged.", _uploads),
    Family("hubtraining_session_hub_consecutive_failures", "Failed calls of the agent to the hub in a row.", _failures),
    Family("hubtraining_session_buffered_updates", "Epochs and checkpoints that the hub has not got yet.", _buffered),
)


class SessionCollector(Collector):
    """Asks the caches at each scrape."""

    def __init__(self, sessions: Callable[[], Iterable[Session]], heard: Callable[[str], Heard | None]) -> None:
        self._sessions = sessions
        self._heard = heard

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry need not ask for samples to know the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family of every session."""
        known = [(session, *self._known(session)) for session in self._sessions()]
        yield _phases(status for _, status, _ in known)
        for family in FAMILIES:
            metric = GaugeMetricFamily(family.name, family.help, labels=("namespace", "session", *family.labels))
            for session, status, heard in known:
                for labels, value in family.read(status, heard):
                    if value is not None:
                        metric.add_metric((session.namespace, session.name, *labels), value)
            yield metric

    def _known(self, session: Session) -> tuple[SessionStatus, Heard | None]:
        """With the newest report of the attempt that goes on: what was heard of an earlier one stands in the status."""
        status, heard = _status(session), self._heard(session.uid)
        going_on = {attempt.number for attempt in status.attempts if attempt.is_open}
        return status, heard if heard and heard.report.attempt in going_on else None


def _phases(statuses: Iterable[SessionStatus]) -> Metric:
    counted = Count(status.phase or "Pending" for status in statuses)
    metric = GaugeMetricFamily("hubtraining_sessions", "Sessions by phase.", labels=("phase",))
    for phase in dict.fromkeys((*PHASES, *counted)):
        metric.add_metric((phase,), counted[phase])
    return metric


def _status(session: Session) -> SessionStatus:
    """A session whose status cannot be understood has no numbers; its passes say why."""
    try:
        return read(session.status)
    except msgspec.ValidationError:
        return SessionStatus()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
