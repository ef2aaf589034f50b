"""In real pods an API key is in the agent's mounted file, and no process of the trainer has it or could get it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support.site import SYSTEM, Site

pytestmark = pytest.mark.e2e

NAME = "canary"
POD = f"{NAME}-1-0"
HUB = "http://hubtraining-hub.hubtraining-system.svc:8000"
LOOK = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'; cat /proc/self/mountinfo; env"
"""What anybody in the trainer's container sees of its processes and mounts."""
SEARCH = "grep -rlF -e %s /workspace /tmp /dev/shm /var/run/hubtraining /run /etc /home 2>/dev/null; true"


@dataclass(frozen=True)
class Session:
    """One that trains with a key of its own, and what was seen while it did."""

    site: Site
    key: str
    seen: str
    found: str
    """Files in the trainer's container that hold the key."""


@pytest.fixture(scope="module")
def trained(site: Site) -> Iterator[Session]:
    site.kubectl("delete", "secret", NAME, "--ignore-not-found")
    site.kubectl("create", "secret", "generic", NAME, f"--from-literal=api-key={site.key}")
    site.apply(site.session(NAME, hub={"url": HUB, "credentialsSecretRef": {"name": NAME, "key": "api-key"}}))
    site.running_epoch(NAME, 1)
    inside = ("exec", POD, "-c", "trainer", "--", "sh", "-c")
    seen = site.kubectl(*inside, LOOK)
    found = site.kubectl(*inside, SEARCH % site.key)
    site.finished(NAME)
    yield Session(site, site.key, seen, found)
    site.kubectl("delete", "hts", NAME, "--wait=false")


def test_the_trainer_was_looked_at(trained: Session) -> None:
    assert "HUBTRAINING_RUN=/workspace/run" in trained.seen
    assert "train" in trained.seen
    assert " /workspace " in trained.seen


def test_no_process_and_no_file_of_the_trainers_has_the_key(trained: Session) -> None:
    assert trained.key not in trained.seen
    assert trained.found.strip() == ""


def test_neither_keys_nor_tokens_are_mounted_there(trained: Session) -> None:
    assert [
        line for line in trained.seen.splitlines() if "/var/run/secrets" in line or "/run/hubtraining" in line
    ] == []


def test_no_log_object_or_event_has_the_key(trained: Session) -> None:
    site = trained.site
    logs = [site.kubectl("logs", POD, "-c", container) for container in ("agent", "fetch", "trainer")]
    logs += [
        site.kubectl("logs", workload, "--all-pods", namespace=SYSTEM)
        for workload in ("statefulset/hubtraining-hub", "deployment/hubtraining-controller")
    ]
    kinds = ("hts", "pods", "events", "configmaps", "services")
    objects = [site.kubectl("get", kind, "-o", "yaml") for kind in kinds]
    assert all(logs[0:1])
    assert [text for text in (*logs, *objects) if trained.key in text] == []
