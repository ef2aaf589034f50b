"""Sessions as users write them and as the controller reads them."""

from typing import Any

from hubtraining.domain import names
from hubtraining.domain.session import Session

Body = dict[str, Any]
IMAGE = "registry.example/trainer:1"
UID = "5e551011-0000-4000-8000-000000000001"


def a_spec(**stanzas: Any) -> Body:
    """The smallest useful spec; a dictionary is merged into its stanza, None removes it, anything else replaces it."""
    spec: Body = {
        "model": "yolov8n.yaml",
        "train": {"args": {"data": "signs.yaml", "epochs": 3}},
        "trainer": {"image": IMAGE},
    }
    for name, value in stanzas.items():
        spec[name] = {**spec.get(name, {}), **value} if isinstance(value, dict) else value
    return {name: value for name, value in spec.items() if value is not None}


def a_body(name: str = "signs", labels: dict[str, str] | None = None, **stanzas: Any) -> Body:
    """What ``kubectl apply`` would send."""
    metadata: Body = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "spec": a_spec(**stanzas)}


def a_session(
    name: str = "signs",
    namespace: str = "team-a",
    uid: str = UID,
    labels: dict[str, str] | None = None,
    status: Body | None = None,
    **stanzas: Any,
) -> Session:
    """What the controller keeps of a session."""
    body = a_body(name, labels, **stanzas)
    given = {"namespace": namespace, "uid": uid, "generation": 1, "resourceVersion": "50"}
    return Session.from_body({**body, "metadata": {**body["metadata"], **given}, "status": status or {}})
