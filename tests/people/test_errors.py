"""What the API server's answers mean at a terminal."""

import pytest

from hubtraining.controller.cluster.errors import KubeConflict, KubeNotFound, KubeRefused, KubeUnavailable, error_of
from hubtraining.people.errors import explained


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            KubeUnavailable("the API server does not answer: refused"),
            "Is https://api the right cluster? Choose another",
        ),
        (error_of(404, {}), "does not know HubTrainingSessions: install hubtraining into it first"),
        (KubeNotFound('namespaces "x" not found', status=404, reason="NotFound"), 'refuses: namespaces "x" not found'),
        (KubeRefused("Unauthorized", status=401), "does not accept your credentials (Unauthorized): log in again"),
        (KubeRefused('pods is forbidden: User "a"', status=403), "namespace team-a is against it: pods is forbidden"),
        (KubeRefused("spec.model: Invalid value", status=422), "the API server refuses: spec.model: Invalid value"),
        (KubeConflict("changed", status=409), "the API server refuses: changed"),
    ],
)
def test_each_answer_says_what_to_do(error: KubeUnavailable, words: str) -> None:
    told = explained(error, "https://api", "team-a")
    assert words in told.message
    assert told.exit_code == 2
