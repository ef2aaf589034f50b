"""The pods of controller and hub: how they are held, what they are told, and how they are watched."""

import json
from dataclasses import fields
from pathlib import PurePosixPath

import pytest
from builders.chart import ELSEWHERE, NAMESPACE, SCOPED, Object, rendered

import hubtraining
from chart.helm import ChartError
from hubtraining.controller.leading.endpoints import Place, endpoint_slice
from hubtraining.controller.leading.lease import Terms
from hubtraining.controller.reporting import reports
from hubtraining.controller.settings import _VARIABLES, ControllerSettings
from hubtraining.domain import layout, names
from hubtraining.hub.commands import hub
from hubtraining.hub.settings import PREFIX, HubSettings, RateLimit

COMPONENTS = ("controller", "hub")
FIELDS = {"metadata.namespace": NAMESPACE, "metadata.name": "controller-1", "status.podIP": "10.1.2.3"}
VARIANTS = [{}, SCOPED, {"hub": {"persistence": {"enabled": False}}}]


def container(values: Object, component: str) -> Object:
    (only,) = rendered(values).pod(component)["containers"]
    found: Object = only
    return found


def volume(values: Object, component: str, name: str) -> Object:
    (found,) = [v for v in rendered(values).pod(component)["volumes"] if v["name"] == name]
    return {key: value for key, value in found.items() if key != "name"}


def plain_env(values: Object, component: str) -> dict[str, str]:
    """As the kubelet would make it."""
    return {
        name: item["value"] if "value" in item else FIELDS[item["valueFrom"]["fieldRef"]["fieldPath"]]
        for name, item in rendered(values).env(component).items()
    }


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("values", VARIANTS, ids=["default", "scoped", "emptydir"])
def test_pod_security_restricted_has_nothing_to_say(values: Object, component: str) -> None:
    pod = rendered(values).pod(component)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    allowed = {"name", "emptyDir", "projected", "secret", "persistentVolumeClaim"}
    assert {key for item in pod["volumes"] for key in item} <= allowed
    for item in pod["containers"]:
        assert item["securityContext"]["allowPrivilegeEscalation"] is False
        assert item["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not any("hostPort" in port for port in item["ports"])


@pytest.mark.parametrize("component", COMPONENTS)
def test_programs_run_as_a_high_numeric_user_on_a_read_only_root(component: str) -> None:
    assert rendered().pod(component)["securityContext"]["runAsUser"] >= 10_000
    assert container({}, component)["securityContext"]["readOnlyRootFilesystem"] is True
    assert {mount["mountPath"]: mount.get("readOnly", False) for mount in container({}, component)["volumeMounts"]}[
        "/tmp"
    ] is False


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_program_has_probes_and_bounds(component: str) -> None:
    found = container({}, component)
    ports = {port["name"] for port in found["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert found[probe]["httpGet"]["port"] in ports
    assert {found[p]["httpGet"]["path"] for p in ("startupProbe", "livenessProbe")} == {"/healthz"}
    assert found["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert {"cpu", "memory"} <= found["resources"]["requests"].keys()
    assert "memory" in found["resources"]["limits"]


def test_two_controllers_of_which_one_always_stays() -> None:
    release = rendered()
    spec = release.one("Deployment", "hubtraining-controller")["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    budget = release.one("PodDisruptionBudget", "hubtraining-controller")["spec"]
    assert budget == {"maxUnavailable": 1, "selector": spec["selector"]}


@pytest.mark.parametrize("controller", [{"replicas": 1}, {"podDisruptionBudget": {"enabled": False}}])
def test_a_budget_is_for_several_and_can_be_left_out(controller: Object) -> None:
    assert rendered({"controller": controller}).of_kind("PodDisruptionBudget") == []


def test_controllers_are_spread_over_nodes_and_zones_where_that_is_possible() -> None:
    release = rendered()
    labels = release.one("Deployment", "hubtraining-controller")["spec"]["template"]["metadata"]["labels"]
    spread = release.pod("controller")["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    for each in spread:
        assert each["labelSelector"]["matchLabels"].items() <= labels.items()
        assert (each["maxSkew"], each["whenUnsatisfiable"]) == (1, "ScheduleAnyway")


def test_how_controllers_are_spread_is_yours() -> None:
    own = [{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}]
    pod = rendered({"controller": {"topologySpreadConstraints": own}}).pod("controller")
    assert pod["topologySpreadConstraints"] == own


def test_controllers_know_who_and_where_they_are() -> None:
    env = rendered().env("controller")
    fields = {name: item["valueFrom"]["fieldRef"]["fieldPath"] for name, item in env.items() if "valueFrom" in item}
    assert fields == {
        "HUBTRAINING_NAMESPACE": "metadata.namespace",
        "HUBTRAINING_POD_NAME": "metadata.name",
        "HUBTRAINING_POD_IP": "status.podIP",
    }


def test_the_lease_is_the_programs_own_unless_you_change_it() -> None:
    assert ControllerSettings.from_env(plain_env({}, "controller")).terms == Terms()
    lease = {"seconds": 30, "renewSeconds": 20, "retrySeconds": 5}
    assert ControllerSettings.from_env(plain_env({"controller": {"lease": lease}}, "controller")).terms == Terms(
        30, 20, 5
    )


@pytest.mark.parametrize("lease", [{"seconds": 10}, {"renewSeconds": 15}, {"retrySeconds": 10}])
def test_a_lease_that_leaves_no_room_is_refused(lease: Object) -> None:
    with pytest.raises(ChartError, match=r"controller\.lease: seconds"):
        rendered({"controller": {"lease": lease}})


def test_one_hub_at_a_time() -> None:
    assert rendered().one("StatefulSet", "hubtraining-hub")["spec"]["replicas"] == 1


@pytest.mark.parametrize("values", [{}, SCOPED, ELSEWHERE, {"hub": {"enabled": False}}])
def test_the_controller_is_told_all_its_settings_and_nothing_else(values: Object) -> None:
    known = {name for name, _ in _VARIABLES.values()}
    assert rendered(values).env("controller").keys() == known


@pytest.mark.parametrize("values", [{}, SCOPED, ELSEWHERE, {"hub": {"enabled": False}}])
def test_the_controller_understands_what_it_is_told(values: Object) -> None:
    settings = ControllerSettings.from_env(plain_env(values, "controller"))
    assert settings.namespace == NAMESPACE
    assert settings.image == container(values, "controller")["image"]
    assert settings.namespaces == tuple(values.get("watchNamespaces", ()))


def test_settings_come_from_values() -> None:
    values = {
        "image": {"pullPolicy": "Never"},
        "agent": {"resources": {"limits": {"memory": "1Gi"}}},
        "controller": {"workers": 3},
        "log": {"level": "DEBUG", "format": "plain"},
        "hub": {"webURL": "https://hub.example"},
    }
    settings = ControllerSettings.from_env(plain_env(values, "controller"))
    assert settings.image_pull_policy == "Never"
    assert settings.agent_resources["limits"] == {"memory": "1Gi"}
    assert (settings.workers, settings.log_level, settings.log_format) == (3, "DEBUG", "plain")
    assert settings.hub_web_url == "https://hub.example"


def test_agents_get_bounds_of_their_own() -> None:
    resources = json.loads(plain_env({}, "controller")["HUBTRAINING_AGENT_RESOURCES"])
    assert {"cpu", "memory"} <= resources["requests"].keys()
    assert "memory" in resources["limits"]


def test_ports_are_those_that_the_controller_listens_on() -> None:
    settings = ControllerSettings.from_env(plain_env({}, "controller"))
    ports = {port["name"]: port["containerPort"] for port in container({}, "controller")["ports"]}
    assert ports == {"metrics": settings.metrics_port, "reports": settings.reports_port}


def test_agents_reach_the_leader_and_the_hub_by_their_services() -> None:
    release, settings = rendered(), ControllerSettings.from_env(plain_env({}, "controller"))
    for service, port, path, url in (
        (settings.reports_service, "reports", reports.PATH, settings.reports_url),
        ("hubtraining-hub", "http", "", settings.hub_url),
    ):
        (number,) = [p["port"] for p in release.one("Service", service)["spec"]["ports"] if p["name"] == port]
        assert url == f"http://{service}.{NAMESPACE}.svc:{number}{path}"


def test_the_leader_alone_says_where_reports_go_and_by_the_port_of_the_service() -> None:
    settings = ControllerSettings.from_env(plain_env({}, "controller"))
    service = rendered().one("Service", settings.reports_service)["spec"]
    place = Place(NAMESPACE, settings.reports_service, settings.pod_name, settings.pod_ip, settings.reports_port)
    assert "selector" not in service
    assert {p["name"] for p in service["ports"]} == {p["name"] for p in endpoint_slice(place, "uid")["ports"]}


@pytest.mark.parametrize(("component", "workload"), [("controller", "Deployment"), ("hub", "StatefulSet")])
def test_services_find_their_pods_by_ports_that_exist(component: str, workload: str) -> None:
    release = rendered()
    service = release.one("Service", f"hubtraining-{component}")["spec"]
    labels = release.one(workload, f"hubtraining-{component}")["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert {p["targetPort"] for p in service["ports"]} <= {p["name"] for p in container({}, component)["ports"]}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_new_chart_alone_restarts_nothing(component: str) -> None:
    workload = rendered().one({"controller": "Deployment", "hub": "StatefulSet"}[component], f"hubtraining-{component}")
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert not {"helm.sh/chart", "app.kubernetes.io/version"} & labels.keys()
    assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_pods_of_ours_are_never_taken_for_training_pods() -> None:
    for workload in rendered().workloads():
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert labels.get(names.LABEL_MANAGED_BY) != names.FIELD_MANAGER


def test_the_controller_meets_our_hub_with_a_token_for_it_alone() -> None:
    assert plain_env({}, "controller")["HUBTRAINING_HUB_AUTH"] == "token"
    (source,) = volume({}, "controller", "tokens")["projected"]["sources"]
    token = source["serviceAccountToken"]
    assert token["audience"] == names.AUDIENCE_HUB
    assert token["expirationSeconds"] >= 600
    mounts = {mount["name"]: mount for mount in container({}, "controller")["volumeMounts"]}
    assert str(PurePosixPath(mounts["tokens"]["mountPath"]) / token["path"]) == layout.TOKEN_HUB
    assert plain_env({}, "controller")["HUBTRAINING_HUB_CREDENTIAL_FILE"] == layout.TOKEN_HUB
    assert mounts["tokens"]["readOnly"] is True


def test_the_hub_is_told_all_its_settings_and_nothing_else() -> None:
    settings = {f"{PREFIX}{field.name.upper()}" for field in fields(HubSettings)}
    options = {str(option.envvar) for option in hub.params if option.envvar}
    logs = {"HUBTRAINING_LOG_LEVEL", "HUBTRAINING_LOG_FORMAT"}
    assert rendered().env("hub").keys() == settings | options | logs


def test_the_hub_listens_where_its_port_is() -> None:
    (port,) = [option.default for option in hub.params if option.name == "port"]
    assert [item["containerPort"] for item in container({}, "hub")["ports"]] == [port]
    assert container({}, "hub")["args"] == ["hub"]


def test_the_hubs_limits_are_its_own_defaults_unless_you_change_them() -> None:
    account = f"{NAMESPACE}/hubtraining-controller"
    assert HubSettings.from_env(plain_env({}, "hub")) == HubSettings(cluster=True, controller=account)
    values = {"hub": {"limits": {"rateLimit": "10/2", "maxUploadBytes": 3 << 40}, "publicURL": "https://hub.example"}}
    settings = HubSettings.from_env(plain_env(values, "hub"))
    assert settings.rate_limit == RateLimit(10, 2)
    assert settings.max_upload_bytes == 3 << 40
    assert settings.public_url == "https://hub.example"


def test_the_hubs_data_folder_is_the_volume() -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in container({}, "hub")["volumeMounts"]}
    assert plain_env({}, "hub")["HUBTRAINING_HUB_DATA"] == mounts["data"]


def test_the_hub_knows_whose_token_acts_for_every_session() -> None:
    env = plain_env({}, "hub")
    account = rendered().pod("controller")["serviceAccountName"]
    assert env["HUBTRAINING_HUB_CLUSTER"] == "true"
    assert env["HUBTRAINING_HUB_CONTROLLER"] == f"{NAMESPACE}/{account}"


def test_the_controller_meets_a_hub_elsewhere_with_a_key_from_a_secret() -> None:
    assert plain_env(ELSEWHERE, "controller")["HUBTRAINING_HUB_AUTH"] == "key"
    assert plain_env(ELSEWHERE, "controller")["HUBTRAINING_HUB_URL"] == ELSEWHERE["externalHub"]["url"]
    secret = volume(ELSEWHERE, "controller", "hub-key")["secret"]
    assert secret["secretName"] == "hub-key"
    (item,) = secret["items"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container(ELSEWHERE, "controller")["volumeMounts"]}
    assert str(PurePosixPath(mounts["hub-key"]) / item["path"]) == layout.HUB_KEY
    assert plain_env(ELSEWHERE, "controller")["HUBTRAINING_HUB_CREDENTIAL_FILE"] == layout.HUB_KEY
    assert "tokens" not in mounts


def test_without_a_default_hub_the_controller_has_neither_token_nor_key() -> None:
    pod = rendered({"hub": {"enabled": False}}).pod("controller")
    assert {item["name"] for item in pod["volumes"]} == {"tmp"}


def test_a_hub_elsewhere_replaces_ours() -> None:
    release = rendered(ELSEWHERE)
    components = {item["metadata"]["labels"]["app.kubernetes.io/component"] for item in release}
    assert "hub" not in components


def test_the_hubs_data_lies_on_a_claim_that_is_kept() -> None:
    release = rendered()
    assert volume({}, "hub", "data") == {"persistentVolumeClaim": {"claimName": "hubtraining-hub"}}
    claim = release.one("PersistentVolumeClaim", "hubtraining-hub")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Gi"}}}


def test_the_hubs_claim_is_as_you_say() -> None:
    persistence = {"size": "1Ti", "storageClassName": "fast", "keep": False, "annotations": {"a": "b"}}
    claim = rendered({"hub": {"persistence": persistence}}).one("PersistentVolumeClaim", "hubtraining-hub")
    assert claim["metadata"]["annotations"] == {"a": "b"}
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"] == {"requests": {"storage": "1Ti"}}


def test_the_hub_takes_a_claim_of_yours() -> None:
    values = {"hub": {"persistence": {"existingClaim": "mine"}}}
    assert rendered(values).of_kind("PersistentVolumeClaim") == []
    assert volume(values, "hub", "data") == {"persistentVolumeClaim": {"claimName": "mine"}}


def test_a_hub_without_a_claim_keeps_bounded_data_in_its_pod() -> None:
    values = {"hub": {"persistence": {"enabled": False, "size": "3Gi"}}}
    assert rendered(values).of_kind("PersistentVolumeClaim") == []
    assert volume(values, "hub", "data") == {"emptyDir": {"sizeLimit": "3Gi"}}


@pytest.mark.parametrize("component", COMPONENTS)
def test_placement_is_yours(component: str) -> None:
    placement = {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "infra", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "system-cluster-critical",
    }
    pod = rendered({component: placement, "imagePullSecrets": [{"name": "pull"}]}).pod(component)
    assert {key: pod[key] for key in placement} == placement
    assert pod["imagePullSecrets"] == [{"name": "pull"}]


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ({}, f"localhost/hubtraining:{hubtraining.__version__}"),
        ({"repository": "r.example/x", "tag": "7"}, "r.example/x:7"),
        ({"tag": "7", "digest": f"sha256:{'a' * 64}"}, f"localhost/hubtraining@sha256:{'a' * 64}"),
    ],
)
def test_one_image_for_all_programs(image: Object, name: str) -> None:
    release = rendered({"image": image})
    assert {release.pod(component)["containers"][0]["image"] for component in COMPONENTS} == {name}
    assert release.env("controller")["HUBTRAINING_IMAGE"]["value"] == name
