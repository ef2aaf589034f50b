"""kopf's edge: what it hears goes into the cache and wakes, and nothing of kopf's is kept on a session."""

from dataclasses import dataclass, field
from typing import Any

import kopf
from builders.session import a_body

from hubtraining.controller.cluster.cache import Key, SessionCache
from hubtraining.controller.handlers import Edge, registry, settings
from hubtraining.domain.names import API_VERSION, KIND

Body = dict[str, Any]


def a_heard(version: int = 50, uid: str = "session-1") -> Body:
    body = a_body()
    return {
        **body,
        "metadata": {**body["metadata"], "namespace": "team-a", "uid": uid, "resourceVersion": str(version)},
    }


@dataclass
class Scene:
    sessions: SessionCache = field(default_factory=SessionCache)
    woken: list[Key] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.edge = Edge(self.sessions, self.woken.append, lambda session: self.dropped.append(session.uid))


def test_a_session_that_was_listed_made_or_changed_is_known_and_woken() -> None:
    scene = Scene()
    for kind, version in ((None, 1), ("ADDED", 2), ("MODIFIED", 3)):
        scene.edge.hear(kind, a_heard(version))
    assert [session.resource_version for session in scene.sessions] == ["3"]
    assert scene.woken == [("team-a", "signs")] * 3


def test_what_was_known_already_wakes_nobody() -> None:
    scene = Scene()
    scene.edge.hear(None, a_heard())
    scene.edge.hear(None, a_heard())
    assert len(scene.woken) == 1


def test_a_deleted_session_is_dropped_and_its_key_looked_at_once_more() -> None:
    scene = Scene()
    scene.edge.hear("ADDED", a_heard(50))
    scene.edge.hear("DELETED", a_heard(51))
    assert len(scene.sessions) == 0
    assert scene.dropped == ["session-1"]
    assert len(scene.woken) == 2


def test_a_deletion_that_comes_after_the_next_session_of_the_name_drops_nothing() -> None:
    scene = Scene()
    scene.edge.hear("ADDED", a_heard(60, uid="session-2"))
    scene.edge.hear("DELETED", a_heard(51, uid="session-1"))
    assert [session.uid for session in scene.sessions] == ["session-2"]
    assert scene.dropped == []


def test_a_session_in_deletion_is_known_as_such() -> None:
    scene = Scene()
    body = a_heard()
    body["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    scene.edge.hear("MODIFIED", body)
    assert [session.deleting for session in scene.sessions] == [True]


def a_registry() -> kopf.OperatorRegistry:
    return registry(Scene().edge, lambda: ("https://api", None), lambda: None, lambda: None)  # type: ignore[arg-type, return-value]


def test_only_events_of_sessions_are_handled_for_these_write_nothing() -> None:
    made = a_registry()
    (watching,) = made._watching.get_all_handlers()
    assert (watching.selector.group, watching.selector.version, watching.selector.any_name) == (
        *API_VERSION.split("/"),
        f"{KIND.lower()}s",
    )
    assert made._changing.get_all_handlers() == []
    assert made._spawning.get_all_handlers() == []
    assert made._indexing.get_all_handlers() == []


def test_a_registry_is_ones_own() -> None:
    before = kopf.get_default_registry()._watching.get_all_handlers()
    a_registry()
    assert kopf.get_default_registry()._watching.get_all_handlers() == before


def test_kopf_posts_no_events_and_elects_nobody() -> None:
    wanted = settings()
    assert wanted.peering.standalone
    assert not wanted.posting.enabled


def test_kopf_gives_up_after_some_minutes_and_begins_again_with_each_request() -> None:
    patience = settings().networking.error_backoffs
    for _ in range(2):
        delays = list(patience)  # type: ignore[arg-type]
        assert 150 < sum(delays) < 400
        assert max(delays) <= 30
