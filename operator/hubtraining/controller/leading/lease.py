"""The lease by which controllers agree on one leader: what it says, and when another may take it. Pure.

No clock is compared with another machine's: a lease counts as held until it was seen, for as long as it lasts on the
looker's own clock, not to change.
"""

from typing import Any

import msgspec

Body = dict[str, Any]


class Terms(msgspec.Struct, frozen=True):
    """Seconds, as every clock here counts them."""

    lease: int = 15
    """After which without a change another may lead."""
    renew: int = 10
    """After which without a renewal the leader gives up: earlier, so that there is never a second one beside it."""
    retry: int = 2
    """Between two renewals, and between two looks of those who wait."""

    def problem(self) -> str:
        """What is wrong with them, or nothing."""
        if self.lease > self.renew > self.retry > 0:
            return ""
        return (
            f"the lease lasts {self.lease} s, is given up after {self.renew} s without a renewal and is renewed every "
            f"{self.retry} s, but each of these must be shorter than the one before"
        )

    @property
    def request(self) -> float:
        """For one request: two of them, and the pauses before, fit into the time to renew."""
        return (self.renew - self.retry) / 2


class Lease(msgspec.Struct, frozen=True):
    """What the API server has; times are for people."""

    holder: str = ""
    """Empty when nobody leads."""
    seconds: int = 0
    acquired: str = ""
    renewed: str = ""
    transitions: int = 0
    version: str = ""
    """The resourceVersion; empty for one that is not there."""

    def body(self, namespace: str, name: str) -> Body:
        """For the API server, which refuses it when the version is not the newest any more."""
        metadata = {"namespace": namespace, "name": name}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {**metadata, "resourceVersion": self.version} if self.version else metadata,
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": self.seconds,
                "acquireTime": self.acquired or None,
                "renewTime": self.renewed or None,
                "leaseTransitions": self.transitions,
            },
        }


def read(body: Body) -> Lease:
    """The lease in an answer of the API server."""
    spec = body.get("spec") or {}
    return Lease(
        holder=spec.get("holderIdentity") or "",
        seconds=spec.get("leaseDurationSeconds") or 0,
        acquired=spec.get("acquireTime") or "",
        renewed=spec.get("renewTime") or "",
        transitions=spec.get("leaseTransitions") or 0,
        version=body["metadata"]["resourceVersion"],
    )


class Sight(msgspec.Struct, frozen=True):
    """What was seen last, and since when it has been like that on the looker's own clock."""

    lease: Lease = Lease()
    since: float = 0.0

    def then(self, found: Lease | None, now: float) -> "Sight":
        """After another look; None when there is no lease.

        One that was deleted still counts: its holder may not have heard of it yet. Who never saw it cannot know.
        """
        if found is None:
            return Sight(msgspec.structs.replace(self.lease, version=""), self.since)
        return self if found.version == self.lease.version else Sight(found, now)

    def free(self, me: str, now: float) -> bool:
        """Whether ``me`` may take it."""
        return self.lease.holder in ("", me) or now >= self.since + self.lease.seconds


def held(lease: Lease, me: str, terms: Terms, moment: str) -> Lease:
    """As it is when ``me`` takes it, or renews it."""
    if lease.holder == me:
        return msgspec.structs.replace(lease, seconds=terms.lease, renewed=moment)
    transitions = lease.transitions + 1 if lease.acquired else 0
    return Lease(me, terms.lease, moment, moment, transitions, lease.version)


def given_back(lease: Lease, moment: str) -> Lease:
    """As it is when its holder leaves: anybody may take it at once."""
    return msgspec.structs.replace(lease, holder="", seconds=1, renewed=moment)
