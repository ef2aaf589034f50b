"""A session is made, with its Secret, whatever goes wrong on the way."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.objects_api import ObjectsApi, served

from hubtraining.domain.secret import Secret
from hubtraining.people.cluster import Cluster, connected
from hubtraining.people.errors import PeopleError
from hubtraining.people.flags import Draft, Flags, draft
from hubtraining.people.place import Where
from hubtraining.people.run import run

KEY = f"{'canaryCANARY0' * 3}abc_modelmodelmodelmodel"
SESSIONS, SECRETS = "hubtrainingsessions", "secrets"


def a_draft(model: str = KEY) -> Draft:
    return draft(Flags(model=Secret(model), image="trainer:1", data="signs", name="mine"))


@pytest.fixture
def api() -> ObjectsApi:
    return ObjectsApi()


@pytest.fixture
async def kubeconfig(api: ObjectsApi, tmp_path: Path) -> AsyncIterator[str]:
    async with served(api, tmp_path) as file:
        yield file


async def typed(kubeconfig: str, made: Draft) -> str:
    """What is said; empty when all went well."""
    try:
        async with connected(Where(kubeconfig), {}) as cluster:
            await run(cluster, made)
    except PeopleError as error:
        return error.message
    return ""


async def test_without_a_key_it_is_one_request(api: ObjectsApi, kubeconfig: str) -> None:
    assert await typed(kubeconfig, a_draft("yolo11n.pt")) == ""
    assert api.requests == [f"POST {SESSIONS}"]


async def test_with_a_key_the_secret_comes_first_and_is_owned_afterwards(api: ObjectsApi, kubeconfig: str) -> None:
    assert await typed(kubeconfig, a_draft()) == ""
    assert api.requests == [f"POST {SESSIONS} dry run", f"POST {SECRETS}", f"POST {SESSIONS}", f"PATCH {SECRETS}"]
    session, secret = api.objects[SESSIONS, "mine"], api.objects[SECRETS, "mine-model"]
    assert secret["metadata"]["ownerReferences"][0]["uid"] == session["metadata"]["uid"]
    assert api.secret("mine-model") == KEY
    assert KEY not in str(session)


async def test_a_session_of_that_name_is_told(api: ObjectsApi, kubeconfig: str) -> None:
    api.put(SESSIONS, {**a_draft("yolo11n.pt").body})
    assert "a session mine exists in namespace team-a" in await typed(kubeconfig, a_draft("yolo11n.pt"))
    assert "a session mine exists in namespace team-a" in await typed(kubeconfig, a_draft())
    assert api.get(SECRETS, "mine-model") is None


async def test_what_is_refused_at_once_makes_nothing(api: ObjectsApi, kubeconfig: str) -> None:
    api.faults[f"POST {SESSIONS} dry run"] = [422]
    assert "the API server refuses: refused with 422" in await typed(kubeconfig, a_draft())
    assert api.objects == {}


async def test_what_is_refused_in_the_end_leaves_no_secret(api: ObjectsApi, kubeconfig: str) -> None:
    api.faults[f"POST {SESSIONS}"] = [403]
    assert "refused with 403" in await typed(kubeconfig, a_draft())
    assert api.objects == {}


async def test_a_secret_is_kept_while_nobody_knows_whether_the_session_was_made(
    api: ObjectsApi, kubeconfig: str
) -> None:
    api.lost.add(f"POST {SESSIONS}")
    assert "refused with 504" in await typed(kubeconfig, a_draft())
    assert api.secret("mine-model") == KEY
    api.lost.clear()
    assert "a session mine exists" in await typed(kubeconfig, a_draft())
    owners = api.objects[SECRETS, "mine-model"]["metadata"]["ownerReferences"]
    assert owners[0]["uid"] == api.objects[SESSIONS, "mine"]["metadata"]["uid"]


@pytest.mark.parametrize("request_", [f"POST {SESSIONS}", f"POST {SECRETS}"])
async def test_after_any_failure_the_same_command_can_be_typed_again(
    api: ObjectsApi, kubeconfig: str, request_: str
) -> None:
    api.faults[request_] = [503]
    assert "refused with 503" in await typed(kubeconfig, a_draft())
    assert await typed(kubeconfig, a_draft()) == ""
    assert api.objects[SECRETS, "mine-model"]["metadata"]["ownerReferences"]


@pytest.mark.parametrize("change", ["labels", "ownerReferences", "data"])
async def test_a_secret_that_is_not_ours_is_left_alone(api: ObjectsApi, kubeconfig: str, change: str) -> None:
    api.faults[f"POST {SESSIONS}"] = [503]
    await typed(kubeconfig, a_draft())
    left = api.objects[SECRETS, "mine-model"]
    changes = {"labels": {}, "ownerReferences": [{"uid": "x"}]}
    if change == "data":
        left["data"] = {"identifier": "b3RoZXI="}
    else:
        left["metadata"][change] = changes[change]
    before = str(left)
    assert "a Secret mine-model exists in namespace team-a: delete it" in await typed(kubeconfig, a_draft())
    assert str(api.objects[SECRETS, "mine-model"]) == before
    assert api.get(SESSIONS, "mine") is None


async def test_the_namespace_is_the_contexts_unless_another_is_named(kubeconfig: str) -> None:
    async with connected(Where(kubeconfig), {}) as cluster:
        assert isinstance(cluster, Cluster)
        assert cluster.namespace == "team-a"
    async with connected(Where(kubeconfig, "here", "other"), {}) as cluster:
        assert cluster.namespace == "other"
    async with connected(Where(), {"KUBECONFIG": kubeconfig}) as cluster:
        assert cluster.namespace == "team-a"


@pytest.mark.parametrize(
    "environ",
    [
        {"KUBECONFIG": "/nonexistent"},
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443", "HOME": "/nonexistent"},
    ],
)
async def test_without_a_cluster_it_is_said_how_to_name_one(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(PeopleError, match="Name another with --kubeconfig or KUBECONFIG"):
        async with connected(Where(), environ):
            pass
