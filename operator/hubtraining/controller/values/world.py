"""Everything that a decision may know, as one frozen value: no decision looks anywhere else."""

from datetime import datetime

import msgspec

from hubtraining.controller.values.pods import PodView
from hubtraining.controller.values.reasons import Reason
from hubtraining.domain.arguments import Plan
from hubtraining.domain.report import Outcome, Report
from hubtraining.domain.session import Session, SessionSpec
from hubtraining.domain.status import AttemptStatus, ModelStatus, SessionStatus


class Problem(msgspec.Struct, frozen=True):
    """Why something cannot be done, for a condition."""

    reason: Reason
    message: str
    retry_seconds: float | None = None
    """After how long it is worth another try; None: only when something is changed."""


class Prepared(msgspec.Struct, frozen=True):
    """The hub's model as the session's attempt will use it."""

    model: ModelStatus
    plan: Plan
    created: bool
    """Whether it was made for this session, not found."""
    key_in_identifier: bool = False
    """Whether the agent's key is the one inside the model identifier."""


class Asked(msgspec.Struct, frozen=True):
    """A question to the hub: still open, or answered."""

    since: datetime
    answer: "Prepared | Record | Problem | None" = None
    """None while it is open."""
    due: datetime | None = None
    """When the question should be asked again; None: never."""


class Record(msgspec.Struct, frozen=True):
    """What the hub holds of a session whose pod is gone."""

    trained: bool
    """A final checkpoint is there, and this session wrote it."""


class Heard(msgspec.Struct, frozen=True):
    """An agent's newest report."""

    report: Report
    at: datetime
    """When it came, by our clock."""
    since: datetime | None = None
    """When the first report came that was of the same stage and epoch."""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """One session and everything around it, at one moment."""

    now: datetime
    since: datetime
    """When this controller began to listen: nobody was silent before."""
    running: int = 0
    """How many sessions report: the more, the rarer each one's status is written."""
    session: Session
    status: SessionStatus
    """As the API server has it."""
    spec: SessionSpec | None = None
    problem: Problem | None = None
    """Why ``spec`` is None."""
    pods: tuple[PodView, ...] = ()
    """Of the current attempt, as they are."""
    gone: tuple[PodView, ...] = ()
    """Of the current attempt, as they were last seen, which are no more."""
    stray: tuple[PodView, ...] = ()
    """Of older attempts."""
    later: tuple[PodView, ...] = ()
    """Of attempts that the status does not know: what we know of the session is old, or its status was lost."""
    sure: bool = False
    """The API server itself, not only a list or a watch, has told us this status or a newer one."""
    prepared: Asked | None = None
    """For the attempt that is to be created."""
    record: Asked | None = None
    """About the current attempt."""
    heard: Heard | None = None
    """Of the current attempt."""
    outcome: Outcome | None = None
    """The agent's last words, once its container has ended."""
    refusal: str = ""
    """The API server's words, when it would not take a pod, or what a pod needs, just now."""

    @property
    def moment(self) -> datetime:
        """Now, as it is written: to the second."""
        return self.now.replace(microsecond=0)

    @property
    def attempt(self) -> AttemptStatus | None:
        """The newest attempt, as status has it."""
        return self.status.attempts[-1] if self.status.attempts else None

    @property
    def is_open(self) -> bool:
        """An attempt is numbered and has not ended."""
        return self.attempt is not None and self.attempt.is_open

    @property
    def number(self) -> int:
        """Of the attempt that has, or is to have, pods."""
        return self.status.attempt if self.is_open else self.status.attempt + 1

    @property
    def nodes(self) -> int:
        """Pods of the current attempt."""
        return len(self.attempt.pods) if self.attempt else 0

    @property
    def known(self) -> tuple[PodView, ...]:
        """The attempt's pods, be they there or gone."""
        return tuple(sorted((*self.pods, *self.gone), key=lambda pod: pod.node_index))

    @property
    def lead(self) -> PodView | None:
        """The first of them: the one with the agent."""
        return next((pod for pod in self.known if pod.node_index == 0), None)

    @property
    def live(self) -> tuple[PodView, ...]:
        """The attempt's pods in which something may still run."""
        return tuple(pod for pod in self.pods if not pod.over)

    @property
    def complete(self) -> bool:
        """Every pod of the attempt is there, but for those that ended well and were cleaned away."""
        return len({pod.name for pod in self.pods} | self.done) == self.nodes

    @property
    def done(self) -> frozenset[str]:
        """The attempt's pods that have ended well, by name: what was seen once stays so."""
        told = self.attempt.succeeded_pods if self.attempt else ()
        return frozenset((*told, *(pod.name for pod in self.known if pod.trainer.exit_code == 0)))

    @property
    def vanished(self) -> bool:
        """A pod that was there is no more, and had not ended well."""
        present, done = {pod.uid for pod in self.pods}, self.done
        recorded = dict(zip(self.attempt.pods, self.attempt.pod_uids, strict=False)) if self.attempt else {}
        seen = [*recorded.items(), *((pod.name, pod.uid) for pod in self.gone)]
        return any(uid not in present and name not in done for name, uid in seen)
