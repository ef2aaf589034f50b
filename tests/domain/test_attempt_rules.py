"""What may be said about attempts, and the sentence for what may not."""

from typing import Any

import pytest
from builders.session import a_spec

from hubtraining.domain.session import InvalidSpec, parse

SEVERAL = {"nodes": 2, "trainer": {"command": ["torchrun", "train.py"]}, "workspace": {"claimName": "c"}}


def a_rule(**fields: Any) -> dict[str, Any]:
    return {"failureRules": [{"name": "mine", "action": "Fail", **fields}]}


def own_claim(*modes: str) -> dict[str, Any]:
    return {"claimTemplate": {"spec": {"accessModes": list(modes), "resources": {"requests": {"storage": "1Gi"}}}}}


ALLOWED: list[dict[str, Any]] = [
    SEVERAL,
    {**SEVERAL, "nodes": 64, "workspace": own_claim("ReadWriteMany")},
    {"suspend": True},
    {"retry": {"limit": 0, "backoffSeconds": 5, "maxBackoffSeconds": 5}},
    a_rule(onExitCodes=[1, 255]),
    a_rule(onLog="(?i)cuda.*(oom|out of memory)", action="RetryOnOtherNode"),
    {"failureRules": [{"name": f"rule-{n}", "action": "Ignore", "onExitCodes": [n + 1]} for n in range(16)]},
    {"checkpoints": {"resume": "Never", "flushSeconds": 1, "finalUploadSeconds": 86400}},
    {"stall": {"afterSeconds": 600, "action": "Restart"}},
    {"startDeadlineSeconds": 1, "activeDeadlineSeconds": 31_536_000, "ttlSecondsAfterFinished": 0},
]

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"nodes": 0}, "spec.nodes", "is 0; from 1 to 64 nodes are allowed"),
    ({"nodes": 65}, "spec.nodes", "is 65"),
    ({**SEVERAL, "trainer": {}}, "spec.nodes", "needs spec.trainer.command"),
    ({**SEVERAL, "workspace": {}}, "spec.nodes", "the nodes share a workspace"),
    ({**SEVERAL, "workspace": own_claim("ReadWriteOnce")}, "spec.nodes", "needs ReadWriteMany"),
    ({"retry": {"limit": -1}}, "spec.retry.limit", "is -1; from 0 to 1000 retries are allowed"),
    ({"retry": {"backoffSeconds": 0}}, "spec.retry.backoffSeconds", "is 0; from 1 to 86400 seconds"),
    ({"retry": {"maxBackoffSeconds": 86_401}}, "spec.retry.maxBackoffSeconds", "is 86401"),
    ({"retry": {"backoffSeconds": 601}}, "spec.retry.maxBackoffSeconds", "is less than spec.retry.backoffSeconds"),
    (a_rule(name="Mine", onExitCodes=[1]), "spec.failureRules", "has the name 'Mine'"),
    (a_rule(name="m" * 64, onExitCodes=[1]), "spec.failureRules", "at most 63"),
    (a_rule(), "spec.failureRules", "exactly one of onExitCodes and onLog in 'mine'"),
    (a_rule(onExitCodes=[1], onLog="x"), "spec.failureRules", "exactly one of"),
    (a_rule(onExitCodes=[0]), "spec.failureRules[mine].onExitCodes", "is 0; from 1 to 255 as an exit code"),
    (a_rule(onExitCodes=[*range(1, 34)]), "spec.failureRules[mine].onExitCodes", "is 33"),
    (a_rule(onLog="("), "spec.failureRules[mine].onLog", "is no regular expression of RE2"),
    (a_rule(onLog="a" * 257), "spec.failureRules[mine].onLog", "has 257 characters; at most 256"),
    (a_rule(onLog="(?=behind)"), "spec.failureRules[mine].onLog", "is no regular expression of RE2"),
    ({"failureRules": 2 * a_rule(onExitCodes=[1])["failureRules"]}, "spec.failureRules", "two rules of the same name"),
    ({"failureRules": 17 * a_rule(onExitCodes=[1])["failureRules"]}, "spec.failureRules", "is 17; from 0 to 16 rules"),
    ({"checkpoints": {"flushSeconds": 0}}, "spec.checkpoints.flushSeconds", "is 0"),
    ({"checkpoints": {"finalUploadSeconds": 86_401}}, "spec.checkpoints.finalUploadSeconds", "is 86401"),
    ({"stall": {"afterSeconds": -1}}, "spec.stall.afterSeconds", "is -1; from 0 to"),
    ({"startDeadlineSeconds": 0}, "spec.startDeadlineSeconds", "is 0; from 1 to"),
    ({"activeDeadlineSeconds": 31_536_001}, "spec.activeDeadlineSeconds", "is 31536001"),
    ({"ttlSecondsAfterFinished": -1}, "spec.ttlSecondsAfterFinished", "is -1; from 0 to"),
]


@pytest.mark.parametrize("stanzas", ALLOWED)
def test_it_is_allowed(stanzas: dict[str, Any]) -> None:
    assert parse(a_spec(**stanzas)).trainer.image


@pytest.mark.parametrize(("stanzas", "field", "words"), REFUSED)
def test_it_is_refused_with_its_field_and_what_is_allowed(stanzas: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse(a_spec(**stanzas))
    assert refused.value.field == field
    assert words in refused.value.message


def test_without_a_word_training_is_retried_three_times_and_resumed() -> None:
    spec = parse(a_spec())
    assert (spec.retry.limit, spec.retry.backoff_seconds, spec.retry.max_backoff_seconds) == (3, 10, 600)
    assert (spec.checkpoints.resume, spec.stall.after_seconds, spec.suspend, spec.nodes) == ("Auto", 0, False, 1)
    assert (spec.start_deadline_seconds, spec.active_deadline_seconds, spec.ttl_seconds_after_finished) == (None,) * 3
