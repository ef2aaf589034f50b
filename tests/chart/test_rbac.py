"""Rights: exactly what the code uses, and nothing with a wildcard."""

from itertools import product
from typing import Any

import pytest
from builders.chart import ELSEWHERE, NAMESPACE, SCOPED, Object, Rendered, rendered

from hubtraining.controller.cluster import kube
from hubtraining.controller.leading import coordination
from hubtraining.domain.names import GROUP, PLURAL

Right = tuple[str, str, str]
"""Verb, group, resource."""

KOPFS_WATCH = {("list", GROUP, PLURAL), ("watch", GROUP, PLURAL)}
CONTROLLER = {(call.verb, call.group, call.resource) for call in kube.CALLS} | KOPFS_WATCH
LEADER = {(call.verb, call.group, call.resource) for call in coordination.CALLS} | {
    ("create", coordination.DISCOVERY, "endpointslices")  # applying what is not there yet
}
HUB = {("create", "authentication.k8s.io", "tokenreviews"), ("get", "", "pods")}
REVIEW = {("create", "authentication.k8s.io", "tokenreviews")}
SECRETS = {("get", "", "secrets")}

INSTALLS = [{}, SCOPED, ELSEWHERE, {"rbac": {"clusterWideSecrets": False}}]


def rights(rules: list[Object]) -> set[Right]:
    return {
        (verb, group, resource)
        for rule in rules
        for verb, group, resource in product(rule["verbs"], rule["apiGroups"], rule["resources"])
    }


def granted(release: Rendered, account: str, namespace: str | None) -> set[Right]:
    """What a ServiceAccount of the release may do in a namespace (None: in the cluster)."""
    kind = "ClusterRoleBinding" if namespace is None else "RoleBinding"
    found: set[Right] = set()
    for binding in release.of_kind(kind):
        subjects = [(s["kind"], s["name"], s["namespace"]) for s in binding["subjects"]]
        if ("ServiceAccount", account, NAMESPACE) in subjects and binding["metadata"].get("namespace") == namespace:
            found |= rights(role_of(release, binding)["rules"])
    return found


def role_of(release: Rendered, binding: Object) -> Object:
    ref, namespace = binding["roleRef"], binding["metadata"].get("namespace")
    (role,) = [
        role
        for role in release.of_kind(ref["kind"])
        if role["metadata"]["name"] == ref["name"] and role["metadata"].get("namespace") in (None, namespace)
    ]
    return role


def test_the_controller_may_do_in_the_cluster_what_its_calls_need_and_no_more() -> None:
    assert granted(rendered(), "hubtraining-controller", None) == CONTROLLER


@pytest.mark.parametrize("values", [{}, SCOPED], ids=["all", "scoped"])
def test_controllers_may_agree_on_a_leader_in_their_own_namespace(values: Object) -> None:
    assert granted(rendered(values), "hubtraining-controller", NAMESPACE) == LEADER


def test_one_lease_and_one_service_are_all_that_a_leader_may_touch() -> None:
    release = rendered()
    names = {"leases": "hubtraining-controller"} | dict.fromkeys(
        ("services", "endpointslices"), "hubtraining-controller-reports"
    )
    env = {name: item.get("value") for name, item in release.env("controller").items()}
    assert env["HUBTRAINING_LEASE_NAME"] == names["leases"]
    assert env["HUBTRAINING_REPORTS_SERVICE"] == names["services"]
    for rule in release.one("Role", "hubtraining-controller-leader")["rules"]:
        (resource,) = rule["resources"]
        if rule["verbs"] == ["create"]:  # the name of what is created is not known to whoever checks the right
            assert "resourceNames" not in rule
        else:
            assert rule["resourceNames"] == [names[resource]]


def test_a_scoped_controller_may_do_the_same_but_only_in_its_namespaces() -> None:
    release = rendered(SCOPED)
    assert granted(release, "hubtraining-controller", None) == REVIEW
    for namespace in ("team-a", "team-b"):
        assert granted(release, "hubtraining-controller", namespace) == CONTROLLER - REVIEW
    assert {role["metadata"]["namespace"] for role in release.of_kind("Role")} == {"team-a", "team-b", NAMESPACE}


def test_the_hub_may_review_tokens_and_look_at_the_pod_behind_one() -> None:
    assert granted(rendered(), "hubtraining-hub", None) == HUB
    assert granted(rendered(SCOPED), "hubtraining-hub", None) == REVIEW
    assert granted(rendered(SCOPED), "hubtraining-hub", "team-a") == HUB - REVIEW


def test_secrets_of_all_namespaces_can_be_withheld() -> None:
    release = rendered({"rbac": {"clusterWideSecrets": False}})
    assert granted(release, "hubtraining-controller", None) == CONTROLLER - SECRETS
    unbound = release.one("ClusterRole", "hubtraining-controller-secrets")
    assert rights(unbound["rules"]) == SECRETS


def test_an_unbound_secrets_role_exists_only_where_somebody_must_bind_it() -> None:
    assert not rendered().has("ClusterRole", "hubtraining-controller-secrets")
    scoped = rendered({**SCOPED, "rbac": {"clusterWideSecrets": False}})
    assert not scoped.has("ClusterRole", "hubtraining-controller-secrets")


@pytest.mark.parametrize("values", INSTALLS, ids=["all", "scoped", "elsewhere", "no-secrets"])
def test_no_rule_has_a_wildcard_and_no_secret_is_listed_or_written(values: Object) -> None:
    rules = [rule for role in rendered(values).of_kind("ClusterRole", "Role") for rule in role["rules"]]
    words: list[Any] = [word for rule in rules for field in rule.values() for word in field]
    assert "*" not in "".join(words)
    assert {verb for verb, _, resource in rights(rules) if resource == "secrets"} == {"get"}
    assert {field for rule in rules for field in rule} <= {"apiGroups", "resources", "resourceNames", "verbs"}


@pytest.mark.parametrize("values", INSTALLS, ids=["all", "scoped", "elsewhere", "no-secrets"])
def test_every_binding_names_a_role_and_an_account_of_the_release(values: Object) -> None:
    release = rendered(values)
    accounts = {account["metadata"]["name"] for account in release.of_kind("ServiceAccount")}
    for binding in release.of_kind("ClusterRoleBinding", "RoleBinding"):
        assert role_of(release, binding)["rules"]
        assert {subject["name"] for subject in binding["subjects"]} <= accounts


def test_roles_of_users_are_added_to_the_clusters_own() -> None:
    release = rendered()
    edit, view = (release.one("ClusterRole", f"hubtraining-{name}") for name in ("edit", "view"))
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    assert {n.removeprefix(prefix) for n in edit["metadata"]["labels"] if n.startswith(prefix)} == {"admin", "edit"}
    assert {n.removeprefix(prefix) for n in view["metadata"]["labels"] if n.startswith(prefix)} == {"view"}
    assert {verb for verb, _, _ in rights(view["rules"])} == {"get", "list", "watch"}
    assert {(group, resource) for _, group, resource in rights(edit["rules"])} == {
        (GROUP, PLURAL),
        (GROUP, f"{PLURAL}/status"),
    }


def test_no_user_may_write_status() -> None:
    edit = rendered().one("ClusterRole", "hubtraining-edit")
    assert {verb for verb, _, resource in rights(edit["rules"]) if resource.endswith("/status")} == {"get"}


def test_roles_can_be_left_to_somebody_else() -> None:
    release = rendered({**SCOPED, "rbac": {"create": False}})
    assert release.of_kind("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding") == []
    assert release.has("ServiceAccount", "hubtraining-controller")


def test_user_roles_can_be_left_out() -> None:
    release = rendered({"rbac": {"aggregateUserRoles": False}})
    assert {role["metadata"]["name"] for role in release.of_kind("ClusterRole")} == {
        "hubtraining-controller",
        "hubtraining-hub",
    }


def test_accounts_of_yours_are_bound_and_not_made() -> None:
    own = {"serviceAccount": {"create": False, "name": "mine"}}
    release = rendered({"controller": own, "hub": own})
    assert release.of_kind("ServiceAccount") == []
    assert granted(release, "mine", None) == CONTROLLER | HUB
    assert {release.pod(name)["serviceAccountName"] for name in ("controller", "hub")} == {"mine"}
    assert release.env("hub")["HUBTRAINING_HUB_CONTROLLER"]["value"] == f"{NAMESPACE}/mine"


def test_the_token_of_an_account_is_mounted_only_where_the_pod_asks_for_it() -> None:
    release = rendered()
    assert {a["automountServiceAccountToken"] for a in release.of_kind("ServiceAccount")} == {False}
    assert {release.pod(name)["automountServiceAccountToken"] for name in ("controller", "hub")} == {True}
