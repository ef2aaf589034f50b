"""Specs drawn from the CRD's schema, such as can be used.

Types, limits, enumerations and required fields are the schema's own. Only where a field has rules of its own, of
Kubernetes or of ours, does a strategy stand here; a new field that has none fails the test that draws it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st
from support.crd import Schema, schema

Body = dict[str, Any]
Strategy = st.SearchStrategy[Any]

SPEC: Schema = schema()["properties"]["spec"]
FIXED = ("model", "modelFrom", "hub", "workspace", "nodes")
"""What stays as it was created; each session of a test has one frame of them."""
MOST_ITEMS = 3
LONG = 2**31 - 1

_names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
_words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,12}", fullmatch=True)
_text = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_categories=["Cc"]), max_size=12)
_labels = st.from_regex(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,8}[A-Za-z0-9])?)?", fullmatch=True)
_keys = st.builds("{}{}".format, st.sampled_from(["", "team.example/"]), _names)
_memory = st.sampled_from(["64Mi", "512Mi", "1Gi", "2500M"])
_cpu = st.sampled_from(["100m", "1", "1500m", "4"])
_ids = st.integers(1, LONG)
_variables = st.from_regex(r"[A-Z_]{1,6}", fullmatch=True)


def _some(items: Strategy, *, by: Callable[[Any], Any] | None = None, least: int = 0) -> Strategy:
    return st.lists(items, min_size=least, max_size=MOST_ITEMS, unique_by=by)


def _either(*stanzas: Body) -> Strategy:
    return st.sampled_from(stanzas)


def _resources(*, gpus: bool) -> Strategy:
    """Requests never above limits: only then is a pod taken."""
    extended = {"nvidia.com/gpu": st.sampled_from(["1", "2"])} if gpus else {}
    limits = st.fixed_dictionaries({}, optional={"cpu": _cpu, "memory": _memory, **extended})
    requests = st.fixed_dictionaries({}, optional={"ephemeral-storage": _memory})
    return st.fixed_dictionaries({}, optional={"limits": limits, "requests": requests})


_selectors = _either({"matchLabels": {"app": "x"}}, {"matchExpressions": [{"key": "app", "operator": "Exists"}]})
_terms = _either(
    {"matchExpressions": [{"key": "gpu", "operator": "In", "values": ["a100", "h100"]}]},
    {"matchExpressions": [{"key": "spot", "operator": "DoesNotExist"}]},
    {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["node-9"]}]},
)
_pods = st.fixed_dictionaries({"topologyKey": st.just("kubernetes.io/hostname"), "labelSelector": _selectors})
_company = st.fixed_dictionaries(
    {},
    optional={
        "preferredDuringSchedulingIgnoredDuringExecution": _some(
            st.fixed_dictionaries({"weight": st.integers(1, 100), "podAffinityTerm": _pods}), least=1
        )
    },
)
_node_affinity = st.fixed_dictionaries(
    {},
    optional={
        "requiredDuringSchedulingIgnoredDuringExecution": st.fixed_dictionaries(
            {"nodeSelectorTerms": _some(_terms, least=1)}
        ),
        "preferredDuringSchedulingIgnoredDuringExecution": _some(
            st.fixed_dictionaries({"weight": st.integers(1, 100), "preference": _terms}), least=1
        ),
    },
)
_seccomp = _either({"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "train.json"})
_volumes = _either(
    {"configMap": {"name": "hyper", "optional": True}},
    {"secret": {"secretName": "pull", "defaultMode": 256}},
    {"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
    {"persistentVolumeClaim": {"claimName": "data", "readOnly": True}},
    {"nfs": {"server": "nfs.example", "path": "/data"}},
)
_env_values = _either(
    {"value": "x y"},
    {"value": "$(HOME)/$HOME"},
    {},
    {"valueFrom": {"secretKeyRef": {"name": "wandb", "key": "token", "optional": True}}},
    {"valueFrom": {"configMapKeyRef": {"name": "hyper", "key": "lr"}}},
    {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    {"valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
)
_arguments = st.fixed_dictionaries(
    {"data": st.sampled_from(["signs.yaml", "coco8.yaml", "/data/my set.yaml"])},
    optional={
        "epochs": st.integers(1, 500),
        "imgsz": st.sampled_from([320, 640, [640, 480]]),
        "batch": st.sampled_from([-1, 8, 16, 0.7]),
        "patience": st.integers(0, 100),
        "device": st.sampled_from(["", "cpu", "0,1", 0]),
        "cache": st.sampled_from(["ram", "disk", True, False, None]),
        "lr0": st.sampled_from([0.01, 1e-05]),
        "optimizer": st.sampled_from(["auto", "AdamW"]),
        "classes": st.lists(st.integers(0, 80), max_size=3),
        "cos_lr": st.booleans(),
        "freeze": st.none(),
        "copy_paste_mode": st.sampled_from(["it's", "$(HOME)", "a b"]),
    },
)

OWN: Mapping[str, Strategy] = {
    "suspend": st.just(False),
    "train.args": _arguments,
    "trainer.image": st.builds("registry.example/{}:{}".format, _names, _names),
    "trainer.command": st.lists(_words, min_size=1, max_size=MOST_ITEMS) | st.just([]),
    "trainer.args": st.lists(_words | st.sampled_from(["", "$(HUBTRAINING_DATA)", "a b"]), max_size=MOST_ITEMS),
    "trainer.env": _some(
        st.builds(lambda name, value: {"name": name, **value}, _variables, _env_values),
        by=lambda each: each["name"],
    ),
    "trainer.envFrom": _some(
        st.builds(
            lambda kind, name, prefix: {kind: {"name": name, "optional": True}, **prefix},
            st.sampled_from(["configMapRef", "secretRef"]),
            _names,
            _either({}, {"prefix": "A_"}),
        )
    ),
    "trainer.resources": _resources(gpus=True),
    "trainer.shmSize": _memory,
    "agent.image": st.builds("registry.example/agent:{}".format, _names),
    "agent.resources": _resources(gpus=False),
    "template.metadata.labels": st.dictionaries(_keys, _labels, max_size=MOST_ITEMS),
    "template.metadata.annotations": st.dictionaries(_keys, _text, max_size=MOST_ITEMS),
    "template.spec.nodeSelector": st.dictionaries(_keys, _labels, max_size=MOST_ITEMS),
    "template.spec.tolerations": _some(
        _either(
            {"operator": "Exists"},
            {"key": "spot", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "gpu", "operator": "Equal", "value": "a100", "effect": "PreferNoSchedule"},
            {"key": "gone", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
        ),
        by=str,
    ),
    "template.spec.affinity": st.fixed_dictionaries(
        {}, optional={"nodeAffinity": _node_affinity, "podAffinity": _company, "podAntiAffinity": _company}
    ),
    "template.spec.topologySpreadConstraints": _some(
        st.fixed_dictionaries(
            {
                "maxSkew": st.integers(1, 5),
                "topologyKey": st.sampled_from(["zone", "kubernetes.io/hostname"]),
                "whenUnsatisfiable": st.just("ScheduleAnyway"),
            },
            optional={"labelSelector": _selectors, "nodeTaintsPolicy": st.sampled_from(["Honor", "Ignore"])},
        ),
        by=lambda each: each["topologyKey"],
    ),
    "template.spec.schedulerName": _names,
    "template.spec.serviceAccountName": st.just("default"),
    "template.spec.imagePullSecrets": _some(st.builds(lambda name: {"name": name}, _names), by=str),
    "template.spec.hostAliases": _some(
        _either({"ip": "10.0.0.1", "hostnames": ["nfs"]}, {"ip": "10.0.0.2", "hostnames": ["a", "b.example"]}), by=str
    ),
    "template.spec.dnsConfig": _either(
        {"nameservers": ["10.0.0.10"], "searches": ["a.example"], "options": [{"name": "ndots", "value": "2"}]}
    ),
    "template.spec.securityContext.runAsUser": _ids,
    "template.spec.securityContext.runAsGroup": _ids,
    "template.spec.securityContext.fsGroup": _ids,
    "template.spec.securityContext.supplementalGroups": _some(_ids),
    "template.spec.securityContext.seccompProfile": _seccomp,
    "template.spec.trainerSecurityContext.runAsUser": st.integers(0, LONG),
    "template.spec.trainerSecurityContext.runAsGroup": _ids,
    "template.spec.trainerSecurityContext.seccompProfile": _seccomp,
    "progress.metrics": _some(_text),
    "failureRules": _some(
        st.builds(
            lambda name, words, action: {"name": name, "action": action, **words},
            _names,
            _either({"onExitCodes": [1, 255]}, {"onLog": "(?i)out of memory"}),
            st.sampled_from(["Fail", "Retry", "RetryOnOtherNode", "Ignore"]),
        ),
        by=lambda each: each["name"],
    ),
    "stall.afterSeconds": st.sampled_from([0, 7200, 31536000]),
    "startDeadlineSeconds": st.integers(3600, 31536000),
    "activeDeadlineSeconds": st.integers(3600, 31536000),
    **{
        f"template.spec.{kind}ecurityContext.seLinuxOptions.{part}": _words
        for kind in ("s", "trainerS")
        for part in ("level", "role", "type", "user")
    },
}
"""By path beneath the spec."""

LEFT_OUT: Mapping[str, str] = {
    "template.spec.priorityClassName": "there is no class that a user may name",
    "template.spec.runtimeClassName": "there is no class to name",
    "template.spec.volumes": "drawn together with what is mounted",
    "template.spec.volumeMounts": "drawn together with the volumes",
}
"""What is not drawn by itself, and why."""


def drawn(node: Schema, path: str) -> Strategy:
    """Any value that the schema allows."""
    if path in OWN:
        return OWN[path]
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if node.get("type") == "object":
        inner = {name: f"{path}.{name}" if path else name for name in node["properties"]}
        parts = {
            name: drawn(part, inner[name])
            for name, part in node["properties"].items()
            if inner[name] not in (*FIXED, *LEFT_OUT)
        }
        required = [name for name in node.get("required", ()) if name in parts]
        optional = {name: part for name, part in parts.items() if name not in required}
        return st.fixed_dictionaries({name: parts[name] for name in required}, optional=optional)
    if node.get("type") == "integer":
        return st.integers(node["minimum"], node["maximum"])
    if node.get("type") == "boolean":
        return st.booleans()
    raise LookupError(f"how spec.{path} is drawn must be said in OWN or LEFT_OUT: {node}")


@st.composite
def frames(draw: st.DrawFn) -> Body:
    """What a session is created with for good."""
    asked = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    shared: list[Body] = [{"claimName": "shared"}, {"claimTemplate": {"spec": asked}}]
    nodes = draw(st.sampled_from([1, 1, 1, 2, 3]))
    workspace = draw(st.sampled_from(shared if nodes > 1 else [None, {}, {"sizeLimit": "20Gi"}, *shared]))
    hub = draw(st.sampled_from([None, {}, {"webURL": "https://hub.example"}, {"protocol": "hub"}]))
    fixed: Body = {"model": draw(st.sampled_from(["yolov8n.yaml", "yolo11n.pt", "/data/own model.pt"]))}
    fixed |= {"nodes": nodes, "workspace": workspace, "hub": hub}
    return {name: value for name, value in fixed.items() if value is not None}


@st.composite
def usable(draw: st.DrawFn, frame: Body) -> Body:
    """A spec with which a pod is made."""
    spec: Body = {**draw(_EVERYTHING), **frame}
    trainer, retry = spec["trainer"], spec.get("retry", {})
    if frame["nodes"] > 1 and not trainer.get("command"):
        trainer["command"] = ["torchrun", "train.py"]
    if not trainer.get("command"):
        trainer.pop("args", None)
    if retry.get("backoffSeconds", 10) > retry.get("maxBackoffSeconds", 600):
        retry["maxBackoffSeconds"] = retry.get("backoffSeconds", 10)
    spec.setdefault("train", {}).setdefault("args", {}).setdefault("data", "signs.yaml")
    if draw(st.booleans()):
        _mount(spec, draw(_some(_volumes, by=str, least=1)), draw(st.booleans()))
    pod = spec.get("template", {}).get("spec", {})
    if pod.get("dnsPolicy") == "None":
        pod.setdefault("dnsConfig", {"nameservers": ["10.0.0.10"]})
    return spec


def _named(volume: Body, index: int) -> Body:
    """With a name of its own; so is its claim, which a pod may have only once."""
    claim = volume.get("persistentVolumeClaim")
    own = {"persistentVolumeClaim": {**claim, "claimName": f"data-{index}"}} if claim else {}
    return {"name": f"volume-{index}", **volume, **own}


def _mount(spec: Body, volumes: list[Body], read_only: bool) -> None:
    pod = spec.setdefault("template", {}).setdefault("spec", {})
    pod["volumes"] = [_named(volume, index) for index, volume in enumerate(volumes)]
    pod["volumeMounts"] = [{"name": "volume-0", "mountPath": "/data", "readOnly": read_only}]


_EVERYTHING = drawn(SPEC, "")
