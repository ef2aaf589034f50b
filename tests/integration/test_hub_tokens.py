"""Our hub in a cluster: real tokens, checked by the real API server, with exactly the rights that the chart grants."""

import json
import os
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders.attempt import an_attempt
from builders.hub import a_checkpoint, a_creation, a_posting, session_headers
from builders.hub_process import HubProcess, a_hub_process, create_key
from builders.session import a_body
from support.api_server import ROOT, ApiServer, Namespace, until

from hubtraining.controller.manifests import pod as pod_of
from hubtraining.domain import names
from hubtraining.domain.session import Session
from hubtraining.hub import wire

pytestmark = pytest.mark.integration

SYSTEM = "hubtraining-system"
OPERATOR = ROOT / "deploy" / "operator"
GRANTS = ("hub-serviceaccount", "hub-rbac", "controller-serviceaccount")
CACHE_SECONDS = 2
HELD = "hubtraining.dev/test"
ENTER = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--mount", "--user", "--map-root-user")
MOUNTED = 'mount -t tmpfs none /run && mkdir -p "$2" && cp -r "$1"/. "$2" && shift 2 && exec "$@"'
"""The account's files where every pod has them, for this process alone."""
ACCOUNT_FOLDER = "/run/secrets/kubernetes.io/serviceaccount"


def token(api: ApiServer, namespace: str, account: str, audience: str | None, pod: dict[str, Any] | None = None) -> str:
    """What the kubelet would project for this audience, bound to a pod where one is given."""
    bound = pod and {"kind": "Pod", "apiVersion": "v1", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
    spec = {"audiences": [audience] if audience else [], "expirationSeconds": 600, "boundObjectRef": bound}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    answer = api.http.post(path, json={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["status"]["token"])


@pytest.fixture(scope="session")
def system(api_server: ApiServer) -> ApiServer:
    """The API server with the namespace, accounts and rights of an installation."""
    api_server.kubectl("apply", "-f", str(ROOT / "deploy" / "namespace.yaml"))
    for name in GRANTS:
        api_server.kubectl("apply", "-n", SYSTEM, "-f", str(OPERATOR / f"{name}.yaml"))
    return api_server


def account_folder(folder: Path, api: ApiServer) -> None:
    """What a pod of the hub has mounted."""
    folder.mkdir()
    (folder / "token").write_text(token(api, SYSTEM, "hubtraining-hub", None))
    authority = "jsonpath={.clusters[0].cluster.certificate-authority-data}"
    (folder / "ca.crt").write_bytes(b64decode(api.kubectl("config", "view", "--raw", "-o", authority)))


@pytest.fixture(scope="session")
def hub(system: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """``hubtraining hub`` as its pod runs it, but for the container."""
    if shutil.which("unshare") is None or subprocess.run([*ENTER, "true"], check=False).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    folder = tmp_path_factory.mktemp("cluster-hub")
    account_folder(folder / "account", system)
    address = system.http.base_url
    environ = {
        "KUBERNETES_SERVICE_HOST": address.host,
        "KUBERNETES_SERVICE_PORT": str(address.port),
        "HUBTRAINING_HUB_CLUSTER": "true",
        "HUBTRAINING_HUB_CONTROLLER": f"{SYSTEM}/hubtraining-controller",
        "HUBTRAINING_HUB_TOKEN_CACHE_SECONDS": str(CACHE_SECONDS),
    }
    wrapper = (*ENTER, "sh", "-ec", MOUNTED, "sh", str(folder / "account"), ACCOUNT_FOLDER)
    with a_hub_process(folder / "data", environ, wrapper) as hub:
        yield hub


@dataclass
class Team:
    """A namespace, the hub, and the controller's way into it."""

    namespace: Namespace
    hub: HubProcess
    controller: httpx.Client

    def session(self, name: str) -> Session:
        """A session as the API server stored it."""
        answer = self.namespace.post(names.PLURAL, a_body(name), group=names.API_VERSION)
        assert answer.status_code == 201, answer.text
        return Session.from_body(answer.json())

    def pod(self, session: Session, attempt: int = 1, **changes: Any) -> dict[str, Any]:
        """The attempt's pod, which nobody schedules."""
        manifest = pod_of(an_attempt(attempt, session=session))
        manifest = {**manifest, "spec": {**manifest["spec"], "schedulerName": "nobody"}}
        manifest["metadata"] = {**manifest["metadata"], **changes}
        answer = self.namespace.post("pods", manifest)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def model(self, session: Session) -> str:
        """The session's model, made as the controller makes it."""
        headers = {
            **session_headers(session.uid, namespace=self.namespace.name),
            wire.HEADER_IDEMPOTENCY: session.uid,
        }
        answer = self.controller.post(wire.MODELS, json=a_creation(), headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["id"])

    def agent(self, pod: dict[str, Any], audience: str | None = names.AUDIENCE_HUB) -> httpx.Client:
        """A client with the token of this pod."""
        account = pod["spec"].get("serviceAccountName", "default")
        return client(self.hub, token(self.namespace.api, self.namespace.name, account, audience, pod))

    @contextmanager
    def held(self, pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Keeps a pod that the garbage collector would take away: its owner is in no namespace of its own."""
        yield pod
        path = f"{self.namespace.path('pods')}/{pod['metadata']['name']}"
        body = json.dumps({"metadata": {"finalizers": None}})
        headers = {"content-type": "application/merge-patch+json"}
        self.namespace.api.http.patch(path, content=body, headers=headers).raise_for_status()

    def delete(self, pod: dict[str, Any]) -> None:
        """At once, and wait for it."""
        path = f"{self.namespace.path('pods')}/{pod['metadata']['name']}"
        self.namespace.api.http.request("DELETE", path, json={"gracePeriodSeconds": 0}).raise_for_status()
        until("the pod is gone", lambda: self.namespace.api.http.get(path).status_code == 404)


def client(hub: HubProcess, bearer: str) -> httpx.Client:
    return httpx.Client(base_url=hub.url, headers={"authorization": f"Bearer {bearer}"}, timeout=30)


@pytest.fixture
def team(namespace: Namespace, hub: HubProcess) -> Iterator[Team]:
    with client(hub, token(namespace.api, SYSTEM, "hubtraining-controller", names.AUDIENCE_HUB)) as controller:
        yield Team(namespace, hub, controller)


def beat(agent: httpx.Client, model: str) -> tuple[int, str]:
    answer = agent.post(wire.heartbeat(model), json={"agent": "a", "agentId": None})
    return answer.status_code, answer.json()["message"]


def test_a_pod_writes_and_reads_the_model_of_its_session(team: Team) -> None:
    session = team.session("a")
    model = team.model(session)
    with team.agent(team.pod(session)) as agent:
        assert beat(agent, model)[0] == 200
        assert agent.post(wire.model(model), json=a_posting({0: {"loss": 1.0}})).status_code == 200
        uploaded = agent.post(
            wire.upload(model), data={"epoch": "0"}, files={"last.pt": ("last.pt", a_checkpoint())}
        ).json()["data"]
        read = agent.get(wire.model(model)).json()["data"]
    assert (uploaded["sessionUid"], uploaded["attempt"]) == (session.uid, 1)
    assert (read["session_uid"], read["has_last_weights"]) == (session.uid, True)


def test_a_token_of_one_session_is_refused_for_the_model_of_another(team: Team) -> None:
    a, b = team.session("a"), team.session("b")
    models = [team.model(a), team.model(b)]
    with team.agent(team.pod(a)) as agent:
        assert beat(agent, models[0])[0] == 200
        status, message = beat(agent, models[1])
        assert (status, "another model" in message) == (403, True)
        assert agent.get(wire.model(models[1])).status_code == 403
        assert agent.post(wire.model(models[1]), json=a_posting({0: {"loss": 1.0}})).status_code == 403
        upload = {"data": {"epoch": "0"}, "files": {"last.pt": ("last.pt", a_checkpoint())}}
        assert agent.post(wire.upload(models[1]), **upload).status_code == 403
    assert team.controller.get(wire.metrics(models[1])).json()["data"] == []
    assert team.controller.get(wire.checkpoints(models[1])).json()["data"] == []


def test_an_older_attempt_is_refused_once_a_newer_one_was_heard(team: Team) -> None:
    session = team.session("a")
    model = team.model(session)
    with team.agent(team.pod(session, 1)) as first, team.agent(team.pod(session, 2)) as second:
        assert beat(first, model)[0] == 200
        assert beat(second, model)[0] == 200
        status, message = beat(first, model)
        assert (status, "attempt 1 is over" in message) == (409, True)
        assert beat(second, model)[0] == 200


def test_a_token_of_a_pod_that_is_gone_is_refused(team: Team) -> None:
    session = team.session("a")
    model, pod = team.model(session), team.pod(session)
    with team.agent(pod) as heard, team.agent(pod) as never_heard:
        assert beat(heard, model)[0] == 200
        team.delete(pod)
        assert beat(never_heard, model)[0] == 401
        until("the remembered answer is forgotten", lambda: beat(heard, model)[0] == 401, CACHE_SECONDS + 30)
        team.pod(session)  # of the same name, with another UID
        assert beat(never_heard, model)[0] == 401


@pytest.mark.parametrize("audience", [None, names.AUDIENCE_CONTROLLER, "somebody-else"])
def test_a_token_for_another_audience_is_refused(team: Team, audience: str | None) -> None:
    session = team.session("a")
    model = team.model(session)
    with team.agent(team.pod(session), audience) as agent:
        status, message = beat(agent, model)
    assert (status, names.AUDIENCE_HUB in message) == (401, True)


def test_a_token_that_the_api_server_did_not_sign_is_refused(team: Team) -> None:
    session = team.session("a")
    model = team.model(session)
    good = token(team.namespace.api, team.namespace.name, "default", names.AUDIENCE_HUB, team.pod(session))
    head, payload, signature = good.split(".")
    for forged in (f"{head}.{payload}.{signature[::-1]}", f"{head}.{payload}.", "a.b.c", "x" * 5000):
        with client(team.hub, forged) as agent:
            assert beat(agent, model)[0] == 401


def test_a_pod_that_no_session_controls_and_an_account_without_a_pod_are_refused(team: Team) -> None:
    session = team.session("a")
    model = team.model(session)
    stranger = team.pod(session, ownerReferences=[], name="stranger")
    bare = token(team.namespace.api, team.namespace.name, "default", names.AUDIENCE_HUB)
    with team.agent(stranger) as agent, client(team.hub, bare) as account:
        assert beat(agent, model)[0] == 403
        assert beat(account, model)[0] == 403


def test_another_namespaces_pod_that_names_the_session_as_its_owner_is_refused(
    team: Team, api_server: ApiServer
) -> None:
    session = team.session("a")
    model = team.model(session)
    with api_server.namespace() as elsewhere:
        intruder = Team(elsewhere, team.hub, team.controller)
        with intruder.held(intruder.pod(session, finalizers=[HELD])) as pod, intruder.agent(pod) as agent:
            assert beat(agent, model)[0] == 403


def test_a_pod_may_neither_make_nor_list_nor_claim_models(team: Team) -> None:
    session = team.session("a")
    model = team.model(session)
    with team.agent(team.pod(session)) as agent:
        assert agent.post(wire.MODELS, json=a_creation()).status_code == 403
        assert agent.get(wire.MODELS).status_code == 403
        assert agent.post(wire.claim(model)).status_code == 403
        assert agent.delete(wire.model(model)).status_code == 403


def test_keys_go_on_working_beside_tokens(team: Team) -> None:
    model = team.model(team.session("a"))
    with httpx.Client(base_url=team.hub.url, headers={wire.HEADER_KEY: create_key(team.hub.folder)}) as person:
        assert person.get(wire.model(model)).status_code == 200
