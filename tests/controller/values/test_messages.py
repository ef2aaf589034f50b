"""Sentences for people: what is wrong, and what to do about it."""

import pytest
from builders.pod import a_pod
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.values import messages
from hubtraining.controller.values.pods import ContainerView

KEY = "abcdef0123456789abcdef0123456789abcdef0123"


def test_a_missing_gpu_comes_with_what_to_look_at() -> None:
    words = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    told = messages.unschedulable(a_pod().unschedulable(words).view())
    assert told.startswith(f"No node can take the pod signs-1-0: {words} If the pod asks for more GPUs")
    assert "kubectl describe nodes" in told


def test_what_else_a_node_lacks_is_told_in_the_schedulers_words_alone() -> None:
    told = messages.unschedulable(a_pod().unschedulable("0/3 nodes are available: 3 Insufficient cpu").view())
    assert told == "No node can take the pod signs-1-0: 0/3 nodes are available: 3 Insufficient cpu."


def test_an_image_that_cannot_be_pulled_is_named_with_the_kubelets_reason() -> None:
    waiting = ContainerView("trainer", reason="ImagePullBackOff", message="not found", image="example/trainer:1")
    told = messages.image_pull(waiting)
    assert told.startswith(
        "The image example/trainer:1 of container trainer cannot be pulled (ImagePullBackOff): not found. "
    )
    assert "imagePullSecrets in spec.template.spec" in told


def test_a_container_that_cannot_be_made_says_why() -> None:
    waiting = ContainerView("trainer", reason="CreateContainerConfigError", message='secret "x" not found')
    assert messages.container_config(waiting) == (
        'Container trainer cannot be started (CreateContainerConfigError): secret "x" not found.'
    )


def test_an_end_is_told_with_its_code_and_what_the_code_means() -> None:
    ends = {
        (1, "Error"): "The trainer ended with exit code 1.",
        (126, "Error"): "The trainer ended with exit code 126 (a command cannot be run: see spec.trainer.command).",
        (127, "Error"): "The trainer ended with exit code 127 (a command was not found: see spec.trainer.command).",
        (137, "Error"): "The trainer ended with exit code 137 (killed by SIGKILL).",
        (137, "OOMKilled"): "The trainer ended with exit code 137 (ran out of memory).",
        (139, "Error"): "The trainer ended with exit code 139 (killed by a segmentation fault).",
        (143, "Error"): "The trainer ended with exit code 143 (ended by SIGTERM).",
    }
    for (code, reason), sentence in ends.items():
        assert messages.exited(ContainerView("trainer", "terminated", reason, exit_code=code)) == sentence


def test_a_container_that_never_ran_says_why_instead_of_a_code() -> None:
    ended = ContainerView("trainer", "terminated", "StartError", message="runc create failed", exit_code=128)
    assert messages.exited(ended) == "The trainer could not be started: runc create failed."


def test_a_pod_that_failed_says_all_that_is_known() -> None:
    evicted = a_pod().failed("Evicted", "The node was low on resource: memory.").view()
    assert messages.pod_failed(evicted) == "The pod signs-1-0 failed: Evicted The node was low on resource: memory."
    assert messages.pod_failed(a_pod().failed().view()) == "The pod signs-1-0 failed: the kubelet gave no reason."


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ('Usage of EmptyDir volume "workspace" exceeds the limit "1Gi".', "spec.workspace.sizeLimit"),
        ('Usage of EmptyDir volume "shm" exceeds the limit "1Gi".', "spec.trainer.shmSize"),
        ("The node was low on resource: ephemeral-storage.", ""),
    ],
)
def test_a_volume_that_is_full_comes_with_the_field_that_limits_it(words: str, field: str) -> None:
    told = messages.evicted(a_pod().on().failed("Evicted", words).view())
    hint = f" Its size is {field}." if field else ""
    assert told == f"The pod signs-1-0 was evicted from node node-1: {words}{hint}"


def test_a_sentence_that_ends_gets_no_second_full_stop() -> None:
    assert messages.container_config(ContainerView("a", reason="R", message="Why? ")).endswith("): Why?")


def test_long_words_are_cut_and_say_so() -> None:
    told = messages.short("word " * 1000)
    assert len(told) == messages.LONGEST
    assert told.endswith("…")


def test_a_key_in_somebody_elses_words_is_not_repeated() -> None:
    told = messages.short(f"cannot open https://hub.example/models/x?api_key={KEY}")
    assert KEY not in told
    assert told == "cannot open https://hub.example/models/x?api_key=[redacted]"


@given(st.text())
def test_any_text_becomes_one_line_of_bounded_length(text: str) -> None:
    told = messages.short(text)
    assert len(told) <= messages.LONGEST
    assert told == " ".join(told.split())
