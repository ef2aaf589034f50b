"""Whatever the CRD's schema allows to be asked for is in the pods."""

import json
from typing import Any

from builders.attempt import an_attempt
from builders.session import UID
from builders.specs import frames, usable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.wishes import unmet

from hubtraining.controller.manifests.pod import pod
from hubtraining.domain.arguments import Plan

Body = dict[str, Any]


@st.composite
def specs(draw: st.DrawFn) -> Body:
    return draw(usable(draw(frames())))


def pods_of(spec: Body) -> list[Body]:
    """As they would be posted, for a plan that takes the spec's arguments as they are."""
    given = {name: value for name, value in spec["train"]["args"].items() if value is not None and value != ""}
    attempt = an_attempt(plan=Plan(spec["model"], given, (), epochs=given.get("epochs", 300)), **spec)
    return [json.loads(json.dumps(pod(attempt, index))) for index in range(spec["nodes"])]


def test_what_is_not_there_is_missed() -> None:
    """The oracle is one that can fail: a pod of another spec is found out, in each part."""
    plain: Body = {
        "model": "a.pt",
        "train": {"args": {"data": "d", "epochs": 3}},
        "trainer": {"image": "i"},
        "nodes": 1,
    }
    pods = pods_of(plain)
    assert unmet(plain, "signs", UID, pods) == []
    for stanza in OTHERS:
        assert unmet({**plain, **stanza}, "signs", UID, pods) != [], stanza


OTHERS: tuple[Body, ...] = (
    {"nodes": 2},
    {"train": {"args": {"data": "d", "epochs": 3, "lr0": 0.1}}},
    {"trainer": {"image": "j"}},
    {"trainer": {"image": "i", "command": ["sh"]}},
    {"trainer": {"image": "i", "env": [{"name": "A", "value": "b"}]}},
    {"trainer": {"image": "i", "envFrom": [{"secretRef": {"name": "a"}}]}},
    {"trainer": {"image": "i", "resources": {"limits": {"cpu": "1"}}}},
    {"trainer": {"image": "i", "shmSize": "2Gi"}},
    {"agent": {"image": "j"}},
    {"agent": {"resources": {"limits": {"cpu": "1"}}}},
    {"agent": {"heartbeatSeconds": 301}},
    {"checkpoints": {"finalUploadSeconds": 3601}},
    {"checkpoints": {"resume": "Never"}},
    {"workspace": {"sizeLimit": "1Gi"}},
    {"workspace": {"claimName": "c"}},
    {"template": {"metadata": {"labels": {"a": "b"}}}},
    {"template": {"spec": {"nodeSelector": {"a": "b"}}}},
    {"template": {"spec": {"securityContext": {"runAsUser": 5}}}},
    {"template": {"spec": {"trainerSecurityContext": {"runAsUser": 5}}}},
    {"template": {"spec": {"volumes": [{"name": "a", "emptyDir": {}}]}}},
    {"template": {"spec": {"volumeMounts": [{"name": "a", "mountPath": "/a"}]}}},
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs())
def test_the_pods_of_any_spec_are_what_it_asks_for(spec: Body) -> None:
    assert unmet(spec, "signs", UID, pods_of(spec)) == []
