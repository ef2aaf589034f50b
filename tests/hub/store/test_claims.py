"""One writer a model."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from builders.tokens import a_pod_caller
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hubtraining.hub.callers import Caller, Writer
from hubtraining.hub.refusals import Forbidden, InUse
from hubtraining.hub.store import claims
from hubtraining.hub.store.database import prepare

SECONDS = 900
SESSIONS = st.sampled_from(["a", "b"])
ATTEMPTS = st.integers(0, 3)


class Writing(RuleBasedStateMachine):
    """Sessions come, go silent, close, and come back late: never do two of them write at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.connection = prepare(Path(self.folder.name) / "db")
        self.now = 1000.0
        self.newest: dict[str, int] = {}
        self.holder: str | None = None
        self.seen = 0.0

    def teardown(self) -> None:
        self.connection.close()
        self.folder.cleanup()

    def held_by_other(self, session: str | None) -> bool:
        return self.holder not in (None, session) and self.now - self.seen < SECONDS

    @rule(session=SESSIONS, attempt=ATTEMPTS)
    def write(self, session: str, attempt: int) -> None:
        stale = 0 < attempt < self.newest.get(session, 0)
        if stale or self.held_by_other(session):
            with pytest.raises(InUse):
                claims.take(self.connection, "m", Writer(session, attempt), self.now, SECONDS)
            return
        claims.take(self.connection, "m", Writer(session, attempt), self.now, SECONDS)
        self.newest[session] = max(attempt, self.newest.get(session, 0))
        self.holder, self.seen = session, self.now

    @rule()
    def write_without_a_session(self) -> None:
        if self.held_by_other(None):
            with pytest.raises(InUse):
                claims.take(self.connection, "m", None, self.now, SECONDS)
        else:
            claims.take(self.connection, "m", None, self.now, SECONDS)

    @rule(session=SESSIONS)
    def read(self, session: str) -> None:
        attempt = self.newest.get(session, 0)
        claims.touch(self.connection, "m", Writer(session, attempt), self.now, SECONDS)
        if session == self.holder and self.now - self.seen < SECONDS:
            self.seen = self.now

    @rule(seconds=st.sampled_from([1, 450, 899, 900]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(session=SESSIONS, attempt=ATTEMPTS)
    def close(self, session: str, attempt: int) -> None:
        claims.close(self.connection, "m", Writer(session, attempt), self.now)
        if session == self.holder and not 0 < attempt < self.newest[session]:
            self.holder = None

    @rule()
    def close_for_everyone(self) -> None:
        claims.close(self.connection, "m", None, self.now)
        self.holder = None

    @invariant()
    def at_most_one_session_holds_the_model(self) -> None:
        live = [c for c in claims.of_model(self.connection, "m") if c.live(self.now, SECONDS)]
        assert len(live) <= 1

    @invariant()
    def the_newest_attempt_is_remembered(self) -> None:
        assert {c.session: c.attempt for c in claims.of_model(self.connection, "m")} == self.newest


TestWriting = Writing.TestCase
TestWriting.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)


def test_a_pod_needs_a_grant_for_its_namespace_and_session(tmp_path: Path) -> None:
    connection = prepare(tmp_path / "db")
    claims.grant(connection, "m", "team", "uid-a")
    claims.grant(connection, "m", "team", "uid-a")
    claims.check_access(connection, "m", a_pod_caller("uid-a", 1, "team"))
    claims.check_access(connection, "m", Caller("key:x"))
    for stranger in (a_pod_caller("uid-b", 1, "team"), a_pod_caller("uid-a", 1, "other")):
        with pytest.raises(Forbidden):
            claims.check_access(connection, "m", stranger)
    with pytest.raises(Forbidden):
        claims.check_access(connection, "other", a_pod_caller("uid-a", 1, "team"))
    connection.close()
