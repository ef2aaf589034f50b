"""What the watches have told, in memory: the newest version of each object, keyed for the passes."""

from collections.abc import Iterable, Iterator

from hubtraining.controller.values.pods import PodView
from hubtraining.domain.session import Session

Key = tuple[str, str]


def newer(version: str, than: str) -> bool:
    """Whether a resourceVersion is later than another; versions that are no numbers count as later."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return version != than


MOST_GONE = 10_000


class _Gone:
    """UIDs of the newest that were removed: an answer that comes after the deletion must not bring one back."""

    def __init__(self) -> None:
        self._uids: dict[str, None] = {}

    def __contains__(self, uid: str) -> bool:
        return uid in self._uids

    def add(self, uid: str) -> None:
        self._uids[uid] = None
        if len(self._uids) > MOST_GONE:
            del self._uids[next(iter(self._uids))]


class SessionCache:
    """Sessions by namespace and name; a version older than the known one is not taken."""

    def __init__(self) -> None:
        self._sessions: dict[Key, Session] = {}
        self._sure: set[str] = set()
        self._gone = _Gone()

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def get(self, key: Key) -> Session | None:
        """The session of this name, if there is one."""
        return self._sessions.get(key)

    def is_sure(self, session: Session) -> bool:
        """Whether the API server itself was asked: a list may be older than what an earlier process wrote."""
        return session.uid in self._sure

    def is_gone(self, uid: str) -> bool:
        """Whether this session was here and was removed; not to be taken for one that was never heard of."""
        return uid in self._gone

    def put(self, session: Session, *, sure: bool = False) -> bool:
        """Remember a session; False when the very same or a later version was known, or it is gone.

        ``sure``: it is the API server's answer about this very session.
        """
        known = self._sessions.get(session.key)
        if sure and session.uid not in self._gone:
            self._sure.add(session.uid)
        late = known is not None and not newer(session.resource_version, known.resource_version)
        if late or session.uid in self._gone:
            return False
        self._sessions[session.key] = session
        return True

    def remove(self, key: Key, uid: str) -> bool:
        """Forget a session, unless another of the same name has taken its place."""
        self._gone.add(uid)
        self._sure.discard(uid)
        known = self._sessions.get(key)
        if known is None or known.uid != uid:
            return False
        del self._sessions[key]
        return True

    def sweep(self, listed: Iterable[Key], version: str, namespace: str = "") -> tuple[Session, ...]:
        """Forget what a whole list (of a namespace) did not hold, and say what it was.

        A watch is not told about deletions that it missed; sessions newer than the list are kept.
        """
        present = set(listed)
        gone = tuple(
            session
            for key, session in self._sessions.items()
            if key not in present and namespace in ("", key[0]) and not newer(session.resource_version, version)
        )
        for session in gone:
            self.remove(session.key, session.uid)
        return gone


class PodCache:
    """Training pods by UID, and by the session that owns them."""

    def __init__(self) -> None:
        self._pods: dict[str, PodView] = {}
        self._owned: dict[str, dict[str, PodView]] = {}
        self._last: dict[Key, dict[str, PodView]] = {}
        self._gone = _Gone()

    def __len__(self) -> int:
        return len(self._pods)

    def __iter__(self) -> Iterator[PodView]:
        return iter(tuple(self._pods.values()))

    def get(self, uid: str) -> PodView | None:
        """The pod with this UID, if it is there."""
        return self._pods.get(uid)

    def of(self, session_uid: str) -> tuple[PodView, ...]:
        """The pods that a session owns, oldest attempt first."""
        return tuple(sorted(self._owned.get(session_uid, {}).values(), key=lambda pod: (pod.attempt, pod.name)))

    def last(self, key: Key, session_uid: str) -> tuple[PodView, ...]:
        """The pods of the session's newest attempt that are gone, as they were last seen."""
        pods = self._last.get(key, {}).values()
        return tuple(sorted((pod for pod in pods if pod.session_uid == session_uid), key=lambda pod: pod.name))

    def forget(self, key: Key) -> None:
        """Nobody will ask for the last pods of this session any more."""
        self._last.pop(key, None)

    def put(self, pod: PodView) -> bool:
        """Remember a pod; False when the same or a later version was known, or it is gone."""
        known = self._pods.get(pod.uid)
        if pod.uid in self._gone or (known and not newer(pod.resource_version, known.resource_version)):
            return False
        self._pods[pod.uid] = pod
        self._owned.setdefault(pod.session_uid, {})[pod.uid] = pod
        return True

    def remove(self, uid: str) -> PodView | None:
        """Forget a pod, except as one of its session's last, and say which it was."""
        self._gone.add(uid)
        pod = self._pods.pop(uid, None)
        if pod is not None:
            self._keep(pod)
            owned = self._owned[pod.session_uid]
            del owned[uid]
            if not owned:
                del self._owned[pod.session_uid]
        return pod

    def _keep(self, pod: PodView) -> None:
        known = self._last.get(pod.key, {})
        fence = (pod.session_uid, pod.attempt)
        if any(each.session_uid == pod.session_uid and each.attempt > pod.attempt for each in known.values()):
            return
        same = {uid: each for uid, each in known.items() if (each.session_uid, each.attempt) == fence}
        self._last[pod.key] = {**same, pod.uid: pod}

    def absent(self, listed: Iterable[str], version: str, namespace: str = "") -> tuple[str, ...]:
        """UIDs that a whole list of that version did not hold; pods newer than the list are not among them."""
        present = set(listed)
        return tuple(
            uid
            for uid, pod in self._pods.items()
            if uid not in present and not newer(pod.resource_version, version) and namespace in ("", pod.namespace)
        )
