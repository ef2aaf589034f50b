"""The chart on a real API server: accepted whole, granting what it says, and leaving what it should."""

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import yaml
from builders.chart import MONITOR_KINDS, Object, Rendered
from builders.session import a_body
from support.api_server import ApiServer, Namespace, until

from chart.files import CHART, ROOT
from chart.helm import helm, template
from hubtraining.controller.cluster import kube
from hubtraining.controller.leading import coordination
from hubtraining.domain.names import API_VERSION, GROUP, PLURAL

pytestmark = pytest.mark.integration

WITHOUT_CRD: Object = {"crds": {"enabled": False}}
VARIANTS: dict[str, Object] = {
    "default": {},
    "emptydir": {"hub": {"persistence": {"enabled": False}}},
    "elsewhere": {
        "hub": {"enabled": False},
        "externalHub": {"url": "https://api.hub.example", "existingSecret": {"name": "hub-key"}},
    },
    "every-option": {
        "commonLabels": {"team": "vision"},
        "imagePullSecrets": [{"name": "pull"}],
        "image": {"digest": f"sha256:{'a' * 64}"},
        "rbac": {"clusterWideSecrets": False},
        "controller": {"priorityClassName": "system-cluster-critical", "tolerations": [{"operator": "Exists"}]},
        "hub": {"nodeSelector": {"disk": "ssd"}, "service": {"type": "NodePort"}, "webURL": "https://hub.example"},
        "networkPolicy": {"metricsFrom": [{"namespaceSelector": {}}], "hubFrom": [{"podSelector": {}}]},
    },
}


class Release:
    """A release in a namespace of one test, by the real helm."""

    def __init__(self, api: ApiServer, namespace: str) -> None:
        self.name = f"r-{namespace}"
        self.namespace = namespace
        self._helm = (helm(), f"--kubeconfig={api.kubeconfig}", f"--namespace={namespace}")

    def run(self, *words: str) -> str:
        done = subprocess.run([*self._helm, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"helm {' '.join(words)}: {done.stderr}"
        return done.stdout

    def install(self, values: Object, *words: str) -> str:
        """Install or upgrade; returns what a person would read."""
        return self.run("upgrade", "--install", self.name, str(CHART), f"--set-json={as_sets(values)}", *words)

    def uninstall(self) -> str:
        return self.run("uninstall", self.name, "--ignore-not-found", "--wait")

    def account(self, component: str) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}-hubtraining-{component}"


def as_sets(values: Object) -> str:
    return ",".join(f"{key}={json.dumps(value)}" for key, value in values.items())


@pytest.fixture
def release(api_server: ApiServer, restricted: Namespace) -> Iterator[Release]:
    """Not yet installed; gone afterwards."""
    made = Release(api_server, restricted.name)
    yield made
    made.uninstall()


@pytest.fixture
def can(api_server: ApiServer) -> Callable[..., bool]:
    """Asks the API server whether somebody may do something."""

    def ask(who: str, verb: str, resource: str, group: str = "", namespace: str = "", called: str = "") -> bool:
        name, _, part = resource.partition("/")
        asked = {
            "verb": verb,
            "resource": name,
            "subresource": part,
            "group": group,
            "namespace": namespace,
            "name": called,
        }
        groups = ["system:serviceaccounts", "system:authenticated"] if ":" in who else ["system:authenticated"]
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": who, "groups": groups, "resourceAttributes": asked},
        }
        answer = api_server.http.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", json=body)
        return bool(answer.raise_for_status().json()["status"]["allowed"])

    return ask


def listed(items: list[Object]) -> Object:
    return {"apiVersion": "v1", "kind": "List", "items": items}


def rendered_for(namespace: str, values: Object) -> Rendered:
    return Rendered(yaml.load_all(template("hubtraining", namespace, values), Loader=yaml.CSafeLoader))


def dry_run(api: ApiServer, *words: str, stdin: Object | None = None) -> str:
    """What kubectl says on standard error when everything is accepted: the API server's warnings."""
    done = api.run("apply", "--server-side", "--force-conflicts", "--dry-run=server", *words, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_api_server_takes_everything_without_a_warning(
    api_server: ApiServer, restricted: Namespace, variant: str
) -> None:
    api_server.kubectl("label", "namespace", restricted.name, "pod-security.kubernetes.io/warn=restricted")
    items = list(rendered_for(restricted.name, VARIANTS[variant]))
    assert dry_run(api_server, "-f", "-", stdin=listed(items)) == ""


def test_a_scoped_release_is_taken_too(api_server: ApiServer, restricted: Namespace, namespace: Namespace) -> None:
    items = list(rendered_for(restricted.name, {"watchNamespaces": [namespace.name]}))
    roles = {item["metadata"].get("namespace") for item in items if item["kind"] == "Role"}
    assert roles == {namespace.name, restricted.name}
    assert dry_run(api_server, "-f", "-", stdin=listed(items)) == ""


def test_deploy_is_taken_by_kubectl_without_a_warning(api_server: ApiServer) -> None:
    api_server.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy" / "namespace.yaml"))
    assert dry_run(api_server, "-k", str(ROOT / "deploy")) == ""


def test_the_image_of_deploy_is_chosen_in_one_place(api_server: ApiServer, tmp_path: Any) -> None:
    folder = tmp_path / "deploy"
    subprocess.run(["cp", "-r", str(ROOT / "deploy"), str(folder)], check=True)
    kustomization = folder / "kustomization.yaml"
    text = kustomization.read_text()
    kustomization.write_text(text.replace("    newTag:", "    newName: registry.example/team/hubtraining\n    newTag:"))
    items = list(yaml.load_all(api_server.kubectl("kustomize", str(folder)), Loader=yaml.CSafeLoader))
    release = Rendered(items)
    images = {release.pod(component)["containers"][0]["image"] for component in ("controller", "hub")}
    (image,) = images
    assert image.startswith("registry.example/team/hubtraining:")
    env = release.env("controller")
    assert env["HUBTRAINING_IMAGE"]["value"] == image
    assert env["HUBTRAINING_IMAGE_PULL_POLICY"]["value"] == "IfNotPresent"


@pytest.mark.parametrize("variant", ["default", "elsewhere"])
def test_pods_are_admitted_where_pod_security_is_strictest(
    api_server: ApiServer, restricted: Namespace, variant: str
) -> None:
    release = rendered_for(restricted.name, VARIANTS[variant])
    api_server.kubectl("apply", "-f", "-", stdin=listed(release.of_kind("ServiceAccount")))
    for workload in release.workloads():
        template_ = workload["spec"]["template"]
        body = {"apiVersion": "v1", "kind": "Pod", **template_}
        body["metadata"] = {**template_["metadata"], "name": workload["metadata"]["name"]}
        answer = restricted.post("pods", body, dry_run=True)
        assert answer.status_code == 201, answer.text


def test_the_real_controller_account_may_do_its_calls_anywhere(release: Release, can: Callable[..., bool]) -> None:
    release.install(WITHOUT_CRD)
    who = release.account("controller")
    refused = [call for call in kube.CALLS if not can(who, call.verb, call.resource, call.group, "elsewhere")]
    assert refused == []
    assert can(who, "watch", PLURAL, GROUP)


NEVER = [
    ("list", "secrets", ""),
    ("watch", "secrets", ""),
    ("create", "secrets", ""),
    ("update", "secrets", ""),
    ("delete", "secrets", ""),
    ("create", "pods/exec", ""),
    ("create", "pods/attach", ""),
    ("create", "pods/portforward", ""),
    ("get", "pods/log", ""),
    ("patch", "pods", ""),
    ("update", "pods", ""),
    ("deletecollection", "pods", ""),
    ("create", "serviceaccounts/token", ""),
    ("impersonate", "users", ""),
    ("impersonate", "serviceaccounts", ""),
    ("get", "nodes", ""),
    ("get", "configmaps", ""),
    ("create", "namespaces", ""),
    ("delete", "namespaces", ""),
    ("update", PLURAL, GROUP),
    ("patch", PLURAL, GROUP),
    ("update", f"{PLURAL}/finalizers", GROUP),
    ("create", "deployments", "apps"),
    ("create", "jobs", "batch"),
    ("bind", "clusterroles", "rbac.authorization.k8s.io"),
    ("escalate", "clusterroles", "rbac.authorization.k8s.io"),
    ("create", "clusterrolebindings", "rbac.authorization.k8s.io"),
    ("update", "customresourcedefinitions", "apiextensions.k8s.io"),
    ("create", "certificatesigningrequests", "certificates.k8s.io"),
    ("create", "validatingwebhookconfigurations", "admissionregistration.k8s.io"),
]


def test_no_account_of_ours_may_do_what_it_does_not_need(release: Release, can: Callable[..., bool]) -> None:
    release.install(WITHOUT_CRD)
    for component in ("controller", "hub"):
        who = release.account(component)
        granted = [(verb, resource) for verb, resource, group in NEVER if can(who, verb, resource, group, "elsewhere")]
        assert granted == []
    assert not can(release.account("hub"), "delete", PLURAL, GROUP, "elsewhere")


def test_the_hub_account_may_review_tokens_and_get_pods_but_no_secret(
    release: Release, can: Callable[..., bool]
) -> None:
    release.install(WITHOUT_CRD)
    who = release.account("hub")
    assert can(who, "create", "tokenreviews", "authentication.k8s.io")
    assert can(who, "get", "pods", "", "elsewhere")
    denied = [("get", "secrets"), ("create", "pods"), ("delete", "pods"), ("list", "pods"), ("create", "events")]
    assert [pair for pair in denied if can(who, *pair, "", "elsewhere")] == []


def test_a_scoped_release_may_do_nothing_outside_its_namespaces(
    release: Release, namespace: Namespace, can: Callable[..., bool]
) -> None:
    release.install({**WITHOUT_CRD, "watchNamespaces": [namespace.name]})
    who = release.account("controller")
    namespaced = [call for call in kube.CALLS if call is not kube.REVIEW_TOKEN]
    assert [call for call in namespaced if not can(who, call.verb, call.resource, call.group, namespace.name)] == []
    assert [call for call in namespaced if can(who, call.verb, call.resource, call.group, "elsewhere")] == []
    assert can(who, "create", "tokenreviews", "authentication.k8s.io")


def test_a_controller_may_touch_its_own_lease_and_endpoints_and_no_others(
    release: Release, can: Callable[..., bool]
) -> None:
    release.install(WITHOUT_CRD)
    who, here = release.account("controller"), release.namespace
    own = {"leases": f"{release.name}-hubtraining-controller"} | dict.fromkeys(
        ("services", "endpointslices"), f"{release.name}-hubtraining-controller-reports"
    )
    for call in coordination.CALLS:
        name = own[call.resource] if call.verb != "create" else ""
        assert can(who, call.verb, call.resource, call.group, here, name), call
        if call is coordination.GET_SERVICE:
            continue  # sessions of several nodes have Services, too
        assert not can(who, call.verb, call.resource, call.group, "elsewhere", name), call
        assert call.verb == "create" or not can(who, call.verb, call.resource, call.group, here, "another"), call


def test_secrets_wait_for_the_role_binding_that_helm_prints(
    api_server: ApiServer, release: Release, namespace: Namespace, can: Callable[..., bool]
) -> None:
    notes = release.install({**WITHOUT_CRD, "rbac": {"clusterWideSecrets": False}})
    who = release.account("controller")
    assert not can(who, "get", "secrets", "", namespace.name)
    printed = notes[notes.index("kubectl -n NAMESPACE create rolebinding") :].replace("\\\n", " ").splitlines()[0]
    api_server.kubectl(*printed.replace("NAMESPACE", namespace.name).split()[1:])
    assert until("the right", partial(can, who, "get", "secrets", "", namespace.name))
    assert not can(who, "list", "secrets", "", namespace.name)
    assert not can(who, "get", "secrets", "", "elsewhere")


def test_people_who_may_edit_or_view_a_namespace_may_do_so_with_sessions(
    api_server: ApiServer, release: Release, namespace: Namespace, can: Callable[..., bool]
) -> None:
    release.install(WITHOUT_CRD)
    for role, user in (("edit", "erika"), ("view", "vera")):
        namespace.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={user}")
    for verb in ("create", "update", "patch", "delete", "get", "list", "watch"):
        assert until(f"edit: {verb}", partial(can, "erika", verb, PLURAL, GROUP, namespace.name))
    assert until("view: get", partial(can, "vera", "get", PLURAL, GROUP, namespace.name))
    assert not can("vera", "create", PLURAL, GROUP, namespace.name)
    assert not can("erika", "patch", f"{PLURAL}/status", GROUP, namespace.name)
    assert not can("erika", "create", PLURAL, GROUP, "elsewhere")


def test_monitors_are_left_out_on_a_cluster_that_does_not_know_them(api_server: ApiServer, release: Release) -> None:
    notes = release.install(WITHOUT_CRD)
    assert "The cluster does not know PodMonitor and ServiceMonitor" in notes
    assert MONITOR_KINDS[0] not in api_server.kubectl("api-versions")


def test_the_session_that_helm_suggests_is_one_that_the_api_server_takes(
    release: Release, namespace: Namespace
) -> None:
    notes = release.install(WITHOUT_CRD)
    suggested = notes[notes.index("apiVersion: hubtraining.dev") : notes.index("   then\n")]
    answer = namespace.post(PLURAL, yaml.safe_load(suggested), group=API_VERSION, dry_run=True)
    assert answer.status_code == 201, answer.text


def test_sessions_and_the_hubs_claim_outlive_the_release_and_are_taken_up_again(
    api_server: ApiServer, release: Release, namespace: Namespace
) -> None:
    release.install({}, "--take-ownership")  # the definition is there already, from kubectl
    namespace.kubectl("apply", "-f", "-", stdin=a_body("survivor"))
    release.uninstall()
    claim = f"persistentvolumeclaim/{release.name}-hubtraining-hub"
    assert "survivor" in namespace.kubectl("get", "hts", "-o", "name")
    assert api_server.kubectl("-n", release.namespace, "get", claim, "-o", "name").strip() == claim
    left = api_server.kubectl("-n", release.namespace, "get", "deployments,statefulsets,services", "-o", "name")
    assert left == ""
    release.install({})
    assert "survivor" in namespace.kubectl("get", "hts", "-o", "name")


def test_an_upgrade_changes_what_was_asked_and_a_rollback_brings_it_back(
    api_server: ApiServer, release: Release
) -> None:
    def workers() -> str:
        path = '{.spec.template.spec.containers[0].env[?(@.name=="HUBTRAINING_WORKERS")].value}'
        name = f"deployment/{release.name}-hubtraining-controller"
        return api_server.kubectl("-n", release.namespace, "get", name, "-o", f"jsonpath={path}")

    release.install(WITHOUT_CRD)
    release.install({**WITHOUT_CRD, "controller": {"workers": 3}})
    assert workers() == "3"
    release.run("rollback", release.name)
    assert workers() == "16"
