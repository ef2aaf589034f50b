"""Names that sessions get, and that they may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain.identifiers import Identifier, IdentifierKind, parse
from hubtraining.domain.invalid import InvalidSpec
from hubtraining.domain.names import MAX_NAME_LENGTH
from hubtraining.people import naming


@pytest.mark.parametrize(
    ("model", "data", "name"),
    [
        ("yolo11n.pt", "signs.yaml", "yolo11n-signs"),
        ("/mnt/models/Best.Run_3.pt", "/mnt/data/Street Signs/data.yaml", "best-run-3-data"),
        ("yolov8n.yaml", "https://data.example/zips/coco8.zip?token=x", "yolov8n-coco8"),
        ("3d.pt", "signs", "train-3d-signs"),
        ("modelModelmodel12345", "", "model-modelmod"),
        ("yolo11n.pt", "", "yolo11n"),
    ],
)
def test_a_name_is_made_from_model_and_data(model: str, data: str, name: str) -> None:
    assert naming.default(parse(model), data) == name


@given(st.text(max_size=80), st.text(max_size=80) | st.just("http://[broken"))
def test_whatever_model_and_data_are_called_the_name_is_one_that_a_session_can_have(stem: str, data: str) -> None:
    naming.check(naming.default(Identifier(IdentifierKind.WEIGHTS, file=f"x{stem}.pt"), data))


@pytest.mark.parametrize("name", ["", "1a", "a-", "A", "a_b", "a.b", "a" * (MAX_NAME_LENGTH + 1), "a\n"])
def test_other_names_are_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(InvalidSpec, match="at most 52 lower-case letters"):
        naming.check(name)


@pytest.mark.parametrize("name", ["a", "a1", "a-1", "a" * MAX_NAME_LENGTH])
def test_good_names_pass(name: str) -> None:
    naming.check(name)
