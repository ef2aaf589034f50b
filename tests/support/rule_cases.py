"""For each CEL rule of the CRD: what it lets through, and what it refuses with which words."""

from dataclasses import dataclass, field
from typing import Any

from builders.session import a_spec

Stanzas = dict[str, Any]
REF = {"name": "hub-key", "key": "api-key"}
FROM = {"secretKeyRef": {"name": "mine", "key": "identifier"}}
BY_SECRET: Stanzas = {"model": None, "modelFrom": FROM}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "Kk3y" * 10 + "Kk"
CLAIM = {"name": "data", "persistentVolumeClaim": {"claimName": "datasets"}}
MOUNT = {"name": "data", "mountPath": "/data"}


@dataclass(frozen=True)
class Try:
    """A session that is created, or changed to from ``before``."""

    after: Stanzas = field(default_factory=dict)
    before: Stanzas | None = None
    name: str = "signs"

    @property
    def spec(self) -> Stanzas:
        return a_spec(**self.after)

    @property
    def spec_before(self) -> Stanzas | None:
        return None if self.before is None else a_spec(**self.before)


@dataclass(frozen=True)
class Case:
    """One rule; every refusal must hold all of the words."""

    accepted: tuple[Try, ...]
    refused: tuple[tuple[Try, tuple[str, ...]], ...]


def trainer(**fields: Any) -> Try:
    return Try({"trainer": fields})


def template(**fields: Any) -> Try:
    return Try({"template": {"spec": fields}})


def mounted(path: str) -> Try:
    return template(volumes=[CLAIM], volumeMounts=[{**MOUNT, "mountPath": path}])


def metadata(stanza: str, key: str) -> Try:
    return Try({"template": {"metadata": {stanza: {key: "x"}}}})


def unchangeable(name: str, one: Stanzas, other: Stanzas, none: Stanzas) -> Case:
    """A stanza that can be neither changed, nor added, nor removed."""
    words = (f"spec.{name}", "cannot be changed, added or removed", "create another session")
    changes = ((one, other), (one, none), (none, one))
    return Case(
        accepted=(Try({**one, "progress": {"statusSeconds": 7}}, before=one), Try(none, before=none)),
        refused=tuple((Try(after, before=before), words) for before, after in changes),
    )


def env(*variables: Stanzas) -> Try:
    return trainer(env=list(variables))


def claim(*modes: str, **metadata: Stanzas) -> Stanzas:
    """A workspace with a claim of its own."""
    spec = {"accessModes": list(modes), "resources": {"requests": {"storage": "1Gi"}}}
    return {"claimTemplate": {"spec": spec, **({"metadata": metadata} if metadata else {})}}


def claimed(**metadata: Stanzas) -> Try:
    return Try({"workspace": claim("ReadWriteOnce", **metadata)})


SEVERAL: Stanzas = {"nodes": 2, "trainer": {"command": ["torchrun", "train.py"]}, "workspace": {"claimName": "c"}}


def several(nodes: int, **stanzas: Any) -> Try:
    """A session of several nodes that has all that it needs, but for what is replaced."""
    return Try({**SEVERAL, "nodes": nodes, **stanzas})


def failure(**fields: Any) -> Try:
    return Try({"failureRules": [{"name": "mine", "action": "Retry", **fields}]})


HUB: Stanzas = {"hub": {"url": "https://hub.example", "credentialsSecretRef": REF}}

CASES: dict[str, Case] = {
    "#0": Case(
        accepted=(Try(name="a"), Try(name="a-1"), Try(name="s" * 52)),
        refused=tuple(
            (Try(name=name), ("metadata.name is", name, "at most 52 lower-case letters"))
            for name in ("s" * 53, "1a", "a.b")
        ),
    ),
    "spec#0": Case(
        accepted=(Try(), Try(BY_SECRET)),
        refused=(
            (Try({"model": None}), ("exactly one of model and modelFrom",)),
            (Try({"modelFrom": FROM}), ("exactly one of model and modelFrom",)),
        ),
    ),
    "spec#1": Case(
        accepted=(
            Try(HUB),
            Try({"hub": {"webURL": "https://hub.example"}}),
            Try({**BY_SECRET, "hub": {"url": "http://h"}}),
        ),
        refused=(
            (
                Try({"hub": {"url": "https://hub.example"}}),
                ("spec.hub.url needs spec.hub.credentialsSecretRef", "modelFrom"),
            ),
        ),
    ),
    "spec#2": unchangeable("model", {"model": "a.pt"}, {"model": "b.pt"}, BY_SECRET),
    "spec#3": unchangeable(
        "modelFrom", BY_SECRET, {"model": None, "modelFrom": {"secretKeyRef": {"name": "mine", "key": "other"}}}, {}
    ),
    "spec#4": unchangeable("hub", HUB, {"hub": {**HUB["hub"], "caBundle": PEM}}, {}),
    "spec#5": unchangeable("workspace", {"workspace": {"sizeLimit": "1Gi"}}, {"workspace": {"claimName": "c"}}, {}),
    "spec#6": Case(
        accepted=(several(2), several(1, trainer={"command": []}), Try({"nodes": 1})),
        refused=(
            (several(2, trainer={"command": []}), ("spec.nodes needs spec.trainer.command", "torchrun")),
            (Try({"nodes": 2, "workspace": {"claimName": "c"}}), ("spec.nodes needs spec.trainer.command",)),
        ),
    ),
    "spec#7": Case(
        accepted=(several(64), several(1, workspace=None)),
        refused=tuple(
            (several(2, workspace=workspace), ("spec.nodes needs spec.workspace.claimName or claimTemplate",))
            for workspace in (None, {"sizeLimit": "1Gi"})
        ),
    ),
    "spec#8": Case(
        accepted=(
            several(2, workspace=claim("ReadWriteMany")),
            several(2, workspace=claim("ReadWriteOnce", "ReadWriteMany")),
            several(1, workspace=claim("ReadWriteOnce")),
        ),
        refused=((several(2, workspace=claim("ReadWriteOnce")), ("spec.nodes needs ReadWriteMany",)),),
    ),
    "spec.nodes#0": Case(
        accepted=(Try({**SEVERAL, "suspend": True}, before=SEVERAL),),
        refused=tuple(
            (Try({**SEVERAL, "nodes": nodes}, before=SEVERAL), ("spec.nodes cannot be changed", "another session"))
            for nodes in (1, 3, None)
        ),
    ),
    "spec.retry#0": Case(
        accepted=(
            Try({"retry": {}}),
            Try({"retry": {"limit": 0}}),
            Try({"retry": {"backoffSeconds": 7, "maxBackoffSeconds": 7}}),
        ),
        refused=tuple(
            (Try({"retry": retry}), ("spec.retry.maxBackoffSeconds is less than",))
            for retry in ({"backoffSeconds": 601}, {"maxBackoffSeconds": 9})
        ),
    ),
    "spec.failureRules[]#0": Case(
        accepted=tuple(failure(name=name, onExitCodes=[1]) for name in ("a", "cuda-oom", "1", "a" * 63)),
        refused=tuple(
            (failure(name=name, onExitCodes=[1]), (f"has the name '{name}'", "lower-case letters"))
            for name in ("A", "-a", "a-", "a b")
        ),
    ),
    "spec.failureRules[]#1": Case(
        accepted=(failure(onExitCodes=[1, 255]), failure(onLog="Xid"), failure(onLog="Xid", onExitCodes=[])),
        refused=tuple(
            (failure(**fields), ("exactly one of onExitCodes and onLog", "in 'mine'"))
            for fields in ({}, {"onExitCodes": [1], "onLog": "x"}, {"onExitCodes": []}, {"onLog": ""})
        ),
    ),
    "spec.failureRules[].onLog#0": Case(
        accepted=tuple(failure(onLog=pattern) for pattern in ("CUDA (error|out of memory)", "(?i)nan", "(a+)+$", "é")),
        refused=tuple(
            (failure(onLog=pattern), ("onLog", "regular expression"))
            for pattern in ("(", "[a", "a**", "(?=look)", "(a)\\1", "a{1001}")
        ),
    ),
    "spec.workspace.claimTemplate.metadata.labels#0": Case(
        accepted=(claimed(labels={"team": "a"}), claimed()),
        refused=tuple(
            (claimed(labels={key: "x"}), ("spec.workspace.claimTemplate.metadata", "are the operator's"))
            for key in ("hubtraining.dev/session", "app.kubernetes.io/name")
        ),
    ),
    "spec.workspace.claimTemplate.metadata.annotations#0": Case(
        accepted=(claimed(annotations={"note": "x"}),),
        refused=(
            (
                claimed(annotations={"hubtraining.dev/x": "x"}),
                ("spec.workspace.claimTemplate.metadata", "are the operator's"),
            ),
        ),
    ),
    "spec.workspace.claimTemplate.spec.resources#0": Case(
        accepted=(Try({"workspace": claim("ReadWriteOnce")}),),
        refused=tuple(
            (
                Try({"workspace": {"claimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": given}}}}),
                ("claimTemplate.spec.resources.requests must say how much storage",),
            )
            for given in ({}, {"requests": {}}, {"limits": {"storage": "1Gi"}})
        ),
    ),
    "spec.model#0": Case(
        accepted=tuple(
            Try({"model": model})
            for model in ("yolo11n.pt", "m" * 20, "https://hub.example/models/" + "m" * 20, "/data/a_b.pt")
        ),
        refused=tuple(
            (Try({"model": model}), ("spec.model holds an API key", "kubectl create secret generic", "spec.modelFrom"))
            for model in (
                f"{KEY}_{'m' * 20}",
                f"https://hub.example/models/{'m' * 20}?api_key={KEY}",
                f"x{KEY}_{'m' * 20}y.pt",
                f"API_KEY={KEY}",
                f"?apikey={KEY}",
            )
        ),
    ),
    "spec.hub.url#0": Case(
        accepted=tuple(
            Try({"hub": {"url": url, "credentialsSecretRef": REF}}) for url in ("http://hub:8000", "https://a.b/c/")
        ),
        refused=tuple(
            (
                Try({"hub": {"url": url, "credentialsSecretRef": REF}}),
                ("spec.hub.url", "http:// or https:// roots without user"),
            )
            for url in (
                "ftp://hub",
                "hub.example",
                "https://me:hunter2@hub",
                "https://hub?a=b",
                "https://hub#a",
                "http:// hub",
            )
        ),
    ),
    "spec.hub.webURL#0": Case(
        accepted=(Try({"hub": {"webURL": "https://hub.example"}}),),
        refused=((Try({"hub": {"webURL": "javascript:alert(1)"}}), ("spec.hub.webURL", "http:// or https:// roots")),),
    ),
    "spec.hub.caBundle#0": Case(
        accepted=(Try({"hub": {"caBundle": PEM}}),),
        refused=(
            (Try({"hub": {"caBundle": "bm90IGEgY2VydGlmaWNhdGU="}}), ("spec.hub.caBundle", "certificates in PEM")),
        ),
    ),
    "spec.trainer#0": Case(
        accepted=(trainer(command=["sh"], args=["-c", "true"]), trainer(command=["true"]), trainer(args=[])),
        refused=((trainer(args=["--fast"]), ("spec.trainer.args needs spec.trainer.command", "spec.train.args")),),
    ),
    "spec.trainer.env[]#0": Case(
        accepted=(env({"name": "A_1", "value": "x"}), env({"name": "b.c-d"}), env({"name": "_"})),
        refused=((env({"name": "1A"}), ("spec.trainer.env has the name '1A'", "letters, digits")),),
    ),
    "spec.trainer.env[]#1": Case(
        accepted=(env({"name": "MY_HUBTRAINING_X", "value": "x"}),),
        refused=((env({"name": "HUBTRAINING_DATA", "value": "x"}), ("'HUBTRAINING_DATA'", "are the operator's")),),
    ),
    "spec.trainer.env[]#2": Case(
        accepted=(env({"name": "A", "valueFrom": {"secretKeyRef": REF}}),),
        refused=(
            (
                env({"name": "A", "value": "x", "valueFrom": {"secretKeyRef": REF}}),
                ("value and valueFrom for 'A'", "one of them"),
            ),
        ),
    ),
    "spec.trainer.shmSize#0": Case(
        accepted=(trainer(shmSize="8Gi"), trainer(shmSize="64M")),
        refused=tuple(
            (trainer(shmSize=size), (f"shmSize is '{size}'", "a positive quantity")) for size in ("0", "8GB", "-1Gi")
        ),
    ),
    "spec.workspace#0": Case(
        accepted=(Try({"workspace": {}}), Try({"workspace": {"claimName": "c"}})),
        refused=(
            (
                Try({"workspace": {"sizeLimit": "1Gi", "claimName": "c"}}),
                ("at most one of sizeLimit, claimName and claimTemplate",),
            ),
            (
                Try({"workspace": {"claimName": "c", **claim("ReadWriteOnce")}}),
                ("at most one of sizeLimit, claimName and claimTemplate",),
            ),
        ),
    ),
    "spec.workspace.sizeLimit#0": Case(
        accepted=(Try({"workspace": {"sizeLimit": "20Gi"}}),),
        refused=tuple(
            (Try({"workspace": {"sizeLimit": size}}), (f"sizeLimit is '{size}'", "a positive quantity"))
            for size in ("0Gi", "big")
        ),
    ),
    "spec.template.metadata.labels#0": Case(
        accepted=(metadata("labels", "team"), metadata("labels", "my.hubtraining.dev/x")),
        refused=tuple(
            (metadata("labels", key), ("spec.template.metadata", "are the operator's"))
            for key in ("hubtraining.dev/attempt", "app.kubernetes.io/name")
        ),
    ),
    "spec.template.metadata.annotations#0": Case(
        accepted=(metadata("annotations", "note"),),
        refused=(
            (
                metadata("annotations", "hubtraining.dev/manifest-hash"),
                ("spec.template.metadata", "are the operator's"),
            ),
        ),
    ),
    "spec.template.spec#0": Case(
        accepted=(template(volumes=[CLAIM], volumeMounts=[MOUNT]), template(volumes=[CLAIM])),
        refused=(
            (template(volumeMounts=[MOUNT]), ("can mount only volumes of spec.template.spec.volumes",)),
            (template(volumes=[CLAIM], volumeMounts=[{**MOUNT, "name": "workspace"}]), ("can mount only volumes",)),
        ),
    ),
    "spec.template.spec.securityContext#0": Case(
        accepted=(template(securityContext={"runAsUser": 5000}), template(trainerSecurityContext={"runAsUser": 0})),
        refused=((template(securityContext={"runAsUser": 0}), ("runAsUser is 0", "trainerSecurityContext.runAsUser")),),
    ),
    "spec.template.spec.volumes[]#0": Case(
        accepted=(template(volumes=[CLAIM]),),
        refused=tuple(
            (template(volumes=[{"name": name, "emptyDir": {}}]), (f"has the name '{name}'", "are the operator's"))
            for name in ("workspace", "journal", "credentials", "shm", "tmp")
        ),
    ),
    "spec.template.spec.volumes[]#1": Case(
        accepted=(
            template(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "nfs": {"server": "s", "path": "/"}}]),
        ),
        refused=(
            (template(volumes=[{"name": "a"}]), ("exactly one of configMap, secret, emptyDir", "in 'a'")),
            (
                template(volumes=[{"name": "a", "emptyDir": {}, "configMap": {"name": "c"}}]),
                ("exactly one of", "in 'a'"),
            ),
        ),
    ),
    "spec.template.spec.volumeMounts[]#0": Case(
        accepted=(mounted("/data"), mounted("/workspaces/a"), mounted("/opt/..data")),
        refused=tuple(
            (mounted(path), (f"mounts at '{path}'", "an absolute path outside /workspace"))
            for path in ("data", "/", "/workspace", "/workspace/run", "/dev/shm", "/tmp/x", "/data/../workspace")
        ),
    ),
}
