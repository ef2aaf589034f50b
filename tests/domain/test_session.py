"""Specs: read with the CRD's defaults, or refused with one sentence."""

from typing import Any

import msgspec
import pytest
from builders.session import UID, a_body, a_session, a_spec
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain.session import InlineApiKey, InvalidSpec, Session, parse
from hubtraining.domain.spec import SecretKeyRef

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def refusal(**stanzas: Any) -> InvalidSpec:
    with pytest.raises(InvalidSpec) as refused:
        parse(a_spec(**stanzas))
    return refused.value


def test_what_is_omitted_has_the_documented_default() -> None:
    spec = parse(a_spec())
    assert (spec.trainer.shm_size, spec.hub.protocol, spec.progress.status_seconds) == ("1Gi", "hub", 30)
    assert (spec.agent.metrics_seconds, spec.agent.checkpoint_seconds, spec.agent.heartbeat_seconds) == (3, 900, 300)


def test_every_stanza_is_read() -> None:
    ref = {"name": "hub-key", "key": "api-key"}
    spec = parse(
        a_spec(
            hub={"url": "https://api.hub.example", "webURL": "https://hub.example", "credentialsSecretRef": ref},
            trainer={"command": ["python", "train.py"], "args": ["--fast"], "env": [{"name": "A", "value": "b"}]},
            workspace={"claimName": "shared"},
            template={"metadata": {"labels": {"team": "a"}}, "spec": {"nodeSelector": {"gpu": "a100"}}},
            progress={"metrics": ["metrics/mAP50-95(B)"]},
        )
    )
    assert spec.hub.credentials_secret_ref == SecretKeyRef("hub-key", "api-key")
    assert spec.hub.web_url == "https://hub.example"
    assert spec.trainer.command == ("python", "train.py")
    assert spec.workspace.claim_name == "shared"
    assert spec.template.spec.node_selector == {"gpu": "a100"}
    assert spec.progress.metrics == ("metrics/mAP50-95(B)",)


def test_a_model_can_be_kept_in_a_secret() -> None:
    spec = parse(a_spec(model=None, modelFrom={"secretKeyRef": {"name": "mine", "key": "identifier"}}))
    assert spec.model_from is not None
    assert spec.model_from.secret_key_ref == SecretKeyRef("mine", "identifier")


@pytest.mark.parametrize(
    ("stanzas", "field"),
    [
        ({"agent": {"metricsSeconds": "3"}}, "spec.agent.metricsSeconds"),
        ({"trainer": {"image": None}}, "spec.trainer.image"),
        ({"trainer": {"command": "yolo train"}}, "spec.trainer.command"),
        ({"trainer": {"imagePullPolicy": "Always"}}, "spec.trainer"),
        ({"replicas": 2}, "spec"),
        ({"hub": {"protocol": "platform"}}, "spec.hub.protocol"),
        ({"template": {"spec": {"hostNetwork": True}}}, "spec.template.spec"),
        ({"progress": {"metrics": ["a", 1]}}, "spec.progress.metrics[1]"),
    ],
)
def test_a_value_of_the_wrong_type_or_name_is_told_with_its_field(stanzas: Any, field: str) -> None:
    refused = refusal(**stanzas)
    assert refused.field == field
    assert str(refused).startswith(f"{field} cannot be read: ")


def test_a_spec_without_a_trainer_is_refused() -> None:
    assert "trainer" in str(refusal(trainer=None))


def test_an_inline_key_is_refused_without_being_repeated() -> None:
    key = "k" * 42 + "_" + "m" * 20
    with pytest.raises(InlineApiKey) as refused:
        parse(a_spec(model=key))
    assert "k" * 42 not in str(refused.value)
    assert "kubectl create secret generic" in refused.value.message
    assert refused.value.field == "spec.model"


@given(
    st.dictionaries(
        st.sampled_from(["model", "modelFrom", "hub", "train", "trainer", "agent", "template"]), json_values
    )
)
def test_anything_is_either_read_or_refused_with_a_field(spec: dict[str, Any]) -> None:
    refused = None
    try:
        parse(spec)
    except InvalidSpec as error:
        refused = error
    assert refused is None or (refused.field.startswith("spec") and refused.message)


@given(st.text(max_size=200))
def test_no_model_that_holds_a_key_is_ever_echoed(noise: str) -> None:
    key = "K3y" * 14
    with pytest.raises(InvalidSpec) as refused:
        parse(a_spec(model=f"{noise}?api_key={key}"))
    assert key not in str(refused.value)


def test_a_body_is_projected_to_what_is_needed() -> None:
    body = a_body("signs", labels={"team": "a"})
    body["metadata"] |= {"namespace": "team-a", "uid": UID, "generation": 3, "resourceVersion": "7"}
    body["metadata"] |= {"creationTimestamp": "2026-11-23T12:00:00Z", "managedFields": [{"manager": "kubectl"}]}
    session = Session.from_body(body)
    assert session.key == ("team-a", "signs")
    assert (session.generation, session.resource_version, session.deleting) == (3, "7", False)
    assert session.creation_time == "2026-11-23T12:00:00Z"
    assert session.status == {}
    assert "managedFields" not in str(msgspec.to_builtins(session))


def test_a_session_that_is_going_says_so() -> None:
    body = a_body()
    body["metadata"] |= {"namespace": "a", "uid": UID, "deletionTimestamp": "2026-11-23T12:00:00Z"}
    assert Session.from_body(body).deleting


def test_the_builder_makes_what_the_parser_reads() -> None:
    assert parse(a_session(model="yolo11n.pt").spec).model == "yolo11n.pt"
