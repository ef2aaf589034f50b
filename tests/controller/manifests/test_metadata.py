"""Names, owner and labels of the pod."""

import re

import pytest
from builders.attempt import an_attempt
from builders.session import UID, a_session

from hubtraining.controller.manifests.metadata import hashed, metadata
from hubtraining.domain import names


def test_the_name_says_session_attempt_and_node() -> None:
    assert metadata(an_attempt(2))["name"] == "signs-2-0"


def test_the_longest_name_still_fits_a_label() -> None:
    session = a_session("s" * names.MAX_NAME_LENGTH)
    found = metadata(an_attempt(9999, session=session))
    assert len(found["name"]) <= 63
    assert all(
        re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value) for value in found["labels"].values()
    )


def test_the_session_owns_the_pod_as_its_controller() -> None:
    (owner,) = metadata(an_attempt())["ownerReferences"]
    assert owner == {
        "apiVersion": "hubtraining.dev/v1alpha1",
        "kind": "HubTrainingSession",
        "name": "signs",
        "uid": UID,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def test_the_labels_tell_whose_pod_it_is() -> None:
    labels = metadata(an_attempt(4))["labels"]
    assert labels[names.LABEL_SESSION] == "signs"
    assert labels[names.LABEL_SESSION_UID] == UID
    assert labels[names.LABEL_ATTEMPT] == "4"
    assert labels[names.LABEL_NODE_INDEX] == "0"
    assert labels[names.LABEL_MANAGED_BY] == "hubtraining"
    assert labels["app.kubernetes.io/instance"] == "signs"


def test_the_pod_waits_in_the_queue_that_the_session_names() -> None:
    queued = {"kueue.x-k8s.io/queue-name": "team-a", "kueue.x-k8s.io/priority-class": "high", "team": "a"}
    labels = metadata(an_attempt(session=a_session(labels=queued)))["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "team-a"
    assert labels["kueue.x-k8s.io/priority-class"] == "high"
    assert "team" not in labels


def test_the_templates_labels_and_annotations_are_added() -> None:
    added = {"labels": {"team": "a"}, "annotations": {"note": "b"}}
    found = metadata(an_attempt(template={"metadata": added}))
    assert found["labels"]["team"] == "a"
    assert found["annotations"] == {"note": "b"}


@pytest.mark.parametrize("label", [names.LABEL_SESSION, names.LABEL_ATTEMPT, names.LABEL_MANAGED_BY])
def test_a_label_of_ours_stays_ours_even_past_the_parser(label: str) -> None:
    attempt = an_attempt(template={"metadata": {"labels": {"team": "a"}}})
    attempt.spec.template.metadata.labels[label] = "stolen"
    assert metadata(attempt)["labels"][label] != "stolen"


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    one = {"metadata": {"annotations": {"a": "1", "b": "2"}}, "kind": "Pod"}
    other = {"kind": "Pod", "metadata": {"annotations": {"b": "2", "a": "1"}}}
    assert hashed(one) == hashed(other)
    assert hashed(one) != hashed({**one, "kind": "Job"})


def test_hashing_changes_nothing_that_it_is_given() -> None:
    given = {"metadata": {"annotations": {}}}
    hashed(given)
    assert given == {"metadata": {"annotations": {}}}
