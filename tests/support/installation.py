"""The chart's release in one test namespace, for controllers that run as processes of the test.

Its rights and Services are the chart's own; a controller gets the chart's settings and a kubeconfig of the chart's
ServiceAccount, so what RBAC does not grant fails here, too.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import yaml
from builders.chart import Object, Rendered
from builders.hub_process import HubProcess, a_hub_process, create_key
from support.api_server import Namespace
from support.controller_process import ControllerProcess, a_controller

from chart.helm import template

GRANTS = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "Service")


@dataclass
class Installation:
    """One release that watches its own namespace only."""

    namespace: Namespace
    folder: Path
    hub: HubProcess
    server: str = ""
    """Where controllers find the API server, when that is not its own address: a proxy."""
    hub_url: str = ""
    """Where controllers find the hub, when that is not its own address."""
    values: Object = field(default_factory=dict)

    @cached_property
    def rendered(self) -> Rendered:
        name = self.namespace.name
        fixed = {
            "fullnameOverride": name,
            "watchNamespaces": [name],
            "crds": {"enabled": False},
            "hub": {"enabled": False},
            "externalHub": {"url": self.hub.url, "existingSecret": {"name": "hub-key"}},
            "rbac": {"aggregateUserRoles": False},
        }
        text = template(name, name, {**fixed, **self.values})
        return Rendered(item for item in yaml.load_all(text, Loader=yaml.CSafeLoader) if item)

    def grant(self) -> None:
        """Make what a controller needs beside itself."""
        items = self.rendered.of_kind(*GRANTS)
        listed = {"apiVersion": "v1", "kind": "List", "items": items}
        self.namespace.kubectl("apply", "--server-side", "-f", "-", stdin=listed)
        (self.folder / "key").write_text(create_key(self.hub.folder))

    def remove(self) -> None:
        """What does not go with the namespace."""
        for item in self.rendered.of_kind("ClusterRole", "ClusterRoleBinding"):
            self.namespace.kubectl("delete", item["kind"], item["metadata"]["name"], "--ignore-not-found")

    @property
    def account(self) -> str:
        return str(self.rendered.pod("controller")["serviceAccountName"])

    @property
    def lease(self) -> Object:
        """The lease's spec as it is now."""
        name = self.rendered.env("controller")["HUBTRAINING_LEASE_NAME"]["value"]
        answer = self.namespace.api.http.get(f"{self.namespace.path('leases', 'coordination.k8s.io/v1')}/{name}")
        return dict(answer.json().get("spec") or {})

    def token(self) -> str:
        """A new one of the controllers' account; the audit log tells it from others."""
        path = f"{self.namespace.path('serviceaccounts')}/{self.account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return str(self.namespace.api.http.post(path, json=body).raise_for_status().json()["status"]["token"])

    def kubeconfig(self, name: str, token: str) -> Path:
        """The way in with a token."""
        config = json.loads(self.namespace.api.kubeconfig.read_text())
        config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
        if self.server:
            config["clusters"][0]["cluster"]["server"] = self.server
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def environ(self, name: str, token: str) -> dict[str, str]:
        """The chart's settings, as the kubelet would give them to a pod of this name."""
        pod = {"metadata.namespace": self.namespace.name, "metadata.name": name, "status.podIP": "10.99.0.1"}
        env = {
            variable: item["value"] if "value" in item else pod[item["valueFrom"]["fieldRef"]["fieldPath"]]
            for variable, item in self.rendered.env("controller").items()
        }
        return {
            **env,
            "HUBTRAINING_HUB_URL": self.hub_url or self.hub.url,
            "HUBTRAINING_HUB_CREDENTIAL_FILE": str(self.folder / "key"),
            "KUBECONFIG": str(self.kubeconfig(name, token)),
        }

    @contextmanager
    def controller(self, name: str = "controller-a", ready: bool = True, **environ: str) -> Iterator["Member"]:
        """A controller of this release while the context lasts."""
        token = self.token()
        with a_controller(self.folder, {**self.environ(name, token), **environ}, name, ready) as process:
            yield Member(self, process, token)


@dataclass
class Member:
    """One controller of an installation."""

    installation: Installation
    process: ControllerProcess
    token: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.process, name)

    @property
    def credential(self) -> str:
        """By which the audit log names it."""
        return f"JTI={token_id(self.token)}"

    def requests(self) -> list[Object]:
        """What it asked of the API server, as the audit log has it."""
        key = "authentication.kubernetes.io/credential-id"
        return [
            event
            for event in self.installation.namespace.api.audit()
            if self.credential in (event["user"].get("extra") or {}).get(key, ())
        ]

    def writes(self) -> list[Object]:
        """Of these what changed something that is not the lease."""
        return [event for event in self.requests() if is_write(event)]


def is_write(event: Object) -> bool:
    """A change that was made: reviews of tokens and the lease itself do not count."""
    resource = (event.get("objectRef") or {}).get("resource", "")
    return (
        event["verb"] in ("create", "update", "patch", "delete")
        and event["responseStatus"]["code"] < 300
        and resource not in ("leases", "tokenreviews")
    )


def token_id(token: str) -> str:
    """What the API server calls a token in its audit log."""
    payload = token.split(".")[1]
    return str(msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])


@contextmanager
def installed(namespace: Namespace, folder: Path, **values: Any) -> Iterator[Installation]:
    """A release with a hub of its own, and no controller yet."""
    (folder / "hub").mkdir(parents=True, exist_ok=True)
    with a_hub_process(folder / "hub") as hub:
        made = Installation(namespace, folder, hub, values=values)
        made.grant()
        try:
            yield made
        finally:
            made.remove()
