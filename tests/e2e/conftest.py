"""One installation for all end-to-end tests."""

import os
from collections.abc import Callable, Iterator

import pytest
from support.site import CLAIM, Site, install

from demo import cluster as clusters
from demo import hub as hubs
from demo.shell import run

pytest.register_assert_rewrite("support.steady")

NAME = "e2e"
NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "e2e", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}
FILES = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": CLAIM, "namespace": "e2e"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
}


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A fresh cluster with images, chart, data set and a key; HUBTRAINING_KEEP_CLUSTER leaves it for the next run."""
    keep = bool(os.environ.get("HUBTRAINING_KEEP_CLUSTER"))
    cluster = clusters.local(NAME, "--audit")
    try:
        image, key = install(cluster)
        assert cluster.state is not None
        with hubs.reached(cluster, key) as hub:
            site = Site(cluster=cluster, state=cluster.state, trainer_image=image, key=key, hub=hub)
            site.apply(NAMESPACE)
            site.apply(FILES)
            site.kubectl("delete", "hubtrainingsessions", "--all", "--wait")
            yield site
    finally:
        if not keep:
            run(clusters.CLUSTER, "down", "--name", NAME)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints what was measured."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="")

    return say
