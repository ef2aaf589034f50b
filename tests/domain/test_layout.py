"""What the agent is told, and where things lie."""

import msgspec
import pytest

from hubtraining.domain import layout
from hubtraining.domain.layout import Assignment, Begun, HubAccess, Input

WHOLE = Assignment(
    namespace="team",
    session="signs",
    session_uid="uid",
    attempt=3,
    hub=HubAccess("http://hub", "m", "key", "PEM"),
    reports_url="http://controller/reports",
    inputs=(Input("dataset", layout.INPUT_DATA_YAML), Input("last", layout.RESUME_FILE)),
    resume=False,
    node_index=1,
    nodes=2,
    epochs=9,
)


def test_an_assignment_is_read_as_it_was_written_and_always_written_the_same() -> None:
    text = WHOLE.to_json()
    assert Assignment.from_json(text) == WHOLE
    assert Assignment.from_json(text).to_json() == text


def test_an_assignment_is_refused_with_the_place_in_it() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.inputs\[0\]\.kind"):
        Assignment.from_json(WHOLE.to_json().replace('"dataset"', '"other"'))


def test_each_attempt_has_files_of_its_own_that_the_trainer_and_the_agent_share() -> None:
    for name in (layout.exit_file, layout.begun_file, layout.resume_marker):
        assert name("uid", 1) != name("uid", 2)
        assert name("uid", 1).startswith(f"{layout.WORKSPACE}/")
    names = (layout.exit_file, layout.begun_file, layout.resume_marker)
    assert len({name("uid", 1) for name in names}) == 3


def test_no_session_takes_the_files_of_another_for_its_own() -> None:
    """A volume that was used before brings them along."""
    for name in (layout.exit_file, layout.begun_file, layout.resume_marker):
        assert name("uid", 1) != name("another", 1)


def test_the_file_to_go_on_from_lies_in_the_run_folder() -> None:
    assert layout.RESUME_FILE.startswith(f"{layout.RUN}/")


def test_the_word_of_a_beginning_is_in_the_names_that_others_read() -> None:
    said = msgspec.json.decode(msgspec.json.encode(Begun(4, "sha", "hub", ("sha",))))
    assert said == {"resumedEpoch": 4, "sha256": "sha", "source": "hub", "uploaded": ["sha"]}
