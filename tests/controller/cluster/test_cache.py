"""The caches keep the newest version of each object, and never bring back what is gone."""

from typing import Any

import msgspec
import pytest
from builders.pod import PodBuilder, a_pod
from builders.session import a_session
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.cluster.cache import PodCache, SessionCache, newer
from hubtraining.domain.session import Session


def versioned(version: int | str, **fields: Any) -> Session:
    return msgspec.structs.replace(a_session(), resource_version=str(version), **fields)


@pytest.mark.parametrize(
    ("version", "than", "answer"),
    [("2", "1", True), ("10", "9", True), ("1", "1", False), ("9", "10", False), ("b", "a", True), ("a", "a", False)],
)
def test_versions_are_compared_as_numbers_where_they_are(version: str, than: str, answer: bool) -> None:
    assert newer(version, than) is answer


class TestSessions:
    def test_a_later_version_replaces_an_earlier_one_and_not_the_other_way(self) -> None:
        cache = SessionCache()
        assert cache.put(versioned(5))
        assert not cache.put(versioned(5))
        assert not cache.put(versioned(4))
        assert cache.put(versioned(6))
        assert [session.resource_version for session in cache] == ["6"]

    def test_a_new_session_of_an_old_name_takes_its_place(self) -> None:
        cache = SessionCache()
        cache.put(versioned(50))
        assert cache.put(versioned(60, uid="another"))
        found = cache.get(("team-a", "signs"))
        assert found is not None
        assert found.uid == "another"

    def test_an_old_session_does_not_take_the_place_of_a_new_one(self) -> None:
        cache = SessionCache()
        cache.put(versioned(60, uid="another"))
        assert not cache.put(versioned(50))
        assert [session.uid for session in cache] == ["another"]

    def test_the_deletion_of_an_old_session_leaves_the_new_one_of_its_name(self) -> None:
        cache = SessionCache()
        cache.put(versioned(60, uid="another"))
        assert not cache.remove(("team-a", "signs"), a_session().uid)
        assert len(cache) == 1

    def test_a_deleted_session_is_gone(self) -> None:
        cache = SessionCache()
        cache.put(versioned(50))
        assert cache.remove(("team-a", "signs"), a_session().uid)
        assert cache.get(("team-a", "signs")) is None

    def test_an_answer_that_comes_after_the_deletion_does_not_bring_a_session_back(self) -> None:
        cache = SessionCache()
        cache.put(versioned(50))
        cache.remove(("team-a", "signs"), a_session().uid)
        assert not cache.put(versioned(51))
        assert len(cache) == 0

    def test_a_sweep_forgets_what_a_list_did_not_hold(self) -> None:
        cache = SessionCache()
        for number, name in enumerate("abc"):
            cache.put(versioned(10 + number, name=name, uid=name))
        gone = cache.sweep([("team-a", "b")], "20")
        assert [session.name for session in gone] == ["a", "c"]
        assert [session.name for session in cache] == ["b"]
        assert not cache.put(versioned(13, name="a", uid="a"))

    def test_a_sweep_keeps_what_is_newer_than_the_list(self) -> None:
        cache = SessionCache()
        cache.put(versioned(30))
        assert cache.sweep([], "20") == ()

    def test_a_sweep_of_one_namespace_leaves_the_others(self) -> None:
        cache = SessionCache()
        cache.put(versioned(10, namespace="team-a", uid="a"))
        cache.put(versioned(10, namespace="team-b", uid="b"))
        assert [session.namespace for session in cache.sweep([], "20", "team-a")] == ["team-a"]
        assert [session.namespace for session in cache] == ["team-b"]

    def test_a_session_is_sure_once_the_api_server_itself_was_asked_and_until_it_is_gone(self) -> None:
        cache = SessionCache()
        cache.put(versioned(50))
        assert not cache.is_sure(versioned(50))
        cache.put(versioned(50), sure=True)
        assert cache.is_sure(versioned(50))
        cache.remove(("team-a", "signs"), a_session().uid)
        cache.put(versioned(51), sure=True)
        assert not cache.is_sure(versioned(51))

    def test_sessions_may_come_and_go_while_somebody_counts_them(self) -> None:
        cache = SessionCache()
        cache.put(versioned(10, name="a", uid="a"))
        for _ in cache:
            cache.put(versioned(10, name="b", uid="b"))
        assert len(cache) == 2


class TestPods:
    def test_a_later_version_replaces_an_earlier_one_and_not_the_other_way(self) -> None:
        cache = PodCache()
        assert cache.put(a_pod().version(100).view())
        assert not cache.put(a_pod().version(99).view())
        assert cache.put(a_pod().version(101).on("node-7").view())
        assert [pod.node for pod in cache] == ["node-7"]

    def test_a_sessions_pods_come_oldest_attempt_first(self) -> None:
        cache = PodCache()
        for attempt in (2, 10, 1):
            cache.put(a_pod(uid=f"pod-{attempt}", attempt=attempt).view())
        cache.put(a_pod(uid="other", session_uid="session-2").view())
        assert [pod.attempt for pod in cache.of("session-1")] == [1, 2, 10]

    def test_a_pod_that_is_gone_is_remembered_as_its_sessions_last(self) -> None:
        cache = PodCache()
        cache.put(a_pod().ended(code=3).view())
        removed = cache.remove("pod-1")
        assert removed is not None
        assert cache.get("pod-1") is None
        assert cache.of("session-1") == ()
        assert cache.last(("team-a", "signs"), "session-1") == (removed,)

    def test_the_last_pods_are_those_of_the_newest_attempt(self) -> None:
        cache = PodCache()
        for uid, attempt, index in (("a", 1, 0), ("b", 2, 1), ("c", 2, 0), ("d", 1, 1)):
            cache.put(a_pod(uid=uid, attempt=attempt, index=index).view())
            cache.remove(uid)
        assert [pod.uid for pod in cache.last(("team-a", "signs"), "session-1")] == ["c", "b"]

    def test_the_last_pod_of_an_earlier_session_of_the_name_is_not_this_ones(self) -> None:
        cache = PodCache()
        cache.put(a_pod().view())
        cache.remove("pod-1")
        assert cache.last(("team-a", "signs"), "session-2") == ()

    def test_a_last_pod_that_nobody_needs_is_forgotten(self) -> None:
        cache = PodCache()
        cache.put(a_pod().view())
        cache.remove("pod-1")
        cache.forget(("team-a", "signs"))
        assert cache.last(("team-a", "signs"), "session-1") == ()

    def test_removing_what_is_not_there_is_nothing(self) -> None:
        assert PodCache().remove("pod-1") is None

    def test_an_answer_that_comes_after_the_deletion_does_not_bring_a_pod_back(self) -> None:
        cache = PodCache()
        cache.put(a_pod().version(100).view())
        cache.remove("pod-1")
        assert not cache.put(a_pod().version(101).view())
        assert cache.get("pod-1") is None

    def test_a_list_tells_which_pods_are_absent(self) -> None:
        cache = PodCache()
        for name, version in (("a", 10), ("b", 10), ("c", 30)):
            cache.put(a_pod(session=name, uid=name, session_uid=name).version(version).view())
        assert cache.absent(["b"], "20") == ("a",)
        assert cache.absent([], "20", "team-b") == ()


STEPS = st.lists(st.tuples(st.sampled_from(["put", "remove"]), st.integers(1, 3), st.integers(1, 9)), max_size=30)


@given(STEPS)
def test_pods_and_their_index_by_session_never_differ(steps: list[tuple[str, int, int]]) -> None:
    cache = PodCache()
    for what, number, version in steps:
        if what == "put":
            cache.put(_pod(number).version(version).view())
        else:
            cache.remove(f"pod-{number}")
    found = sorted(pod.uid for session in ("session-0", "session-1") for pod in cache.of(session))
    assert found == sorted(pod.uid for pod in cache)


def _pod(number: int) -> PodBuilder:
    return a_pod(uid=f"pod-{number}", session_uid=f"session-{number % 2}", attempt=number)
