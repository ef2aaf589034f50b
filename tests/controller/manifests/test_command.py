"""The trainer's command line."""

import ast
import string
import subprocess
from typing import Any

import pytest
from builders.session import a_spec
from hypothesis import example, given
from hypothesis import strategies as st

from hubtraining.controller.manifests.command import NOTHING_TO_START_FROM, formatted, fresh, literal, resumed
from hubtraining.domain.arguments import Plan
from hubtraining.domain.session import TrainerSpec, parse

TRAINER = TrainerSpec(image="registry.example/trainer:1")
plain = st.text(string.ascii_letters + string.digits + "._-/", min_size=1)
scalars = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()


def test_without_a_command_yolo_train_is_made_from_the_plan() -> None:
    plan = Plan("yolov8n.yaml", {"imgsz": 64, "data": "signs.yaml", "amp": False}, ())
    assert fresh(TRAINER, plan) == (
        "yolo",
        "train",
        "model=yolov8n.yaml",
        "amp=False",
        "data=signs.yaml",
        "imgsz=64",
        "project=/workspace",
        "name=run",
        "exist_ok=True",
    )


def test_a_run_that_goes_on_is_told_to_with_what_a_user_may_change_then() -> None:
    spec = parse(a_spec(train={"args": {"data": "signs.yaml", "batch": 4, "device": "", "epochs": 9, "lr0": 0.1}}))
    assert resumed(spec, Plan("yolov8n.yaml", {"data": "/workspace/inputs/data.yaml", "batch": 4}, ())) == (
        "yolo",
        "train",
        "model=/workspace/run/weights/last.pt",
        "data=/workspace/inputs/data.yaml",
        "batch=4",
        "resume=True",
        "project=/workspace",
        "name=run",
        "exist_ok=True",
    )


def test_a_command_of_the_users_own_sees_for_itself_whether_to_go_on() -> None:
    spec = parse(a_spec(trainer={"command": ["python", "train.py"]}))
    assert resumed(spec, Plan("m.pt", {"data": "signs.yaml"}, ())) == ()


def test_where_nobody_knows_what_to_start_from_the_trainer_says_so_and_fails() -> None:
    words = fresh(TRAINER, Plan("", {"data": "signs.yaml"}, ()))
    assert words == NOTHING_TO_START_FROM
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, "nothing to go on from" in done.stderr) == (1, True)


def test_the_order_of_arguments_does_not_matter() -> None:
    one = Plan("m.pt", {"a": 1, "b": 2}, ())
    other = Plan("m.pt", {"b": 2, "a": 1}, ())
    assert fresh(TRAINER, one) == fresh(TRAINER, other)


def test_the_users_own_command_is_taken_as_it_is() -> None:
    trainer = TrainerSpec(image="x", command=("python", "train.py"), args=("--data", "$(HUBTRAINING_DATA)"))
    assert fresh(trainer, Plan("m.pt", {}, ())) == ("python", "train.py", "--data", "$(HUBTRAINING_DATA)")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "True"),
        (False, "False"),
        (None, "None"),
        (640, "640"),
        (-1, "-1"),
        (1e-05, "1e-05"),
        ("ram", "ram"),
        ("0,1", "0,1"),
        ("/data/signs.yaml", "/data/signs.yaml"),
        ("/my data/signs.yaml", "'/my data/signs.yaml'"),
        ("a,", "'a,'"),
        ("__import__('os')", "\"__import__('os')\""),
        ([0, 1], "[0,1]"),
        (("a b", "c"), "['a b','c']"),
        ([], "[]"),
    ],
)
def test_a_value_is_written_as_ultralytics_reads_it(value: Any, text: str) -> None:
    assert formatted(value) == text


@given(scalars | st.lists(scalars | st.text(max_size=20), max_size=4))
def test_everything_but_text_is_read_back_as_it_was(value: Any) -> None:
    assert ast.literal_eval(formatted(value)) == value


@given(st.text(max_size=40))
@example("x'\"\\ $(y)")
def test_text_is_a_plain_word_or_read_back_as_it_was(text: str) -> None:
    written = formatted(text)
    assert written == text or ast.literal_eval(written) == text
    assert not (set("()[]{}'\" $;") & set(written)) or written[0] in "'\""


@given(st.text("$()AB", max_size=12))
def test_kubernetes_expands_nothing_in_what_we_wrote(text: str) -> None:
    assert expanded(literal(text), {"A": "leaked", "B": "leaked"}) == text


def test_an_argument_that_looks_like_a_variable_reaches_the_trainer() -> None:
    words = fresh(TRAINER, Plan("m.pt", {"data": "$(HOME)/signs.yaml"}, ()))
    assert [expanded(word, {"HOME": "leaked"}) for word in words if word.startswith("data=")] == [
        "data='$(HOME)/signs.yaml'"
    ]


def expanded(text: str, variables: dict[str, str]) -> str:
    """What the kubelet makes of a word: $(NAME) becomes the value, $$ becomes $, and anything else stays."""
    made, rest = "", text
    while rest:
        name = rest[2:].partition(")")[0] if rest.startswith("$(") and ")" in rest else None
        if rest.startswith("$$"):
            made, rest = made + "$", rest[2:]
        elif name is not None and name in variables:
            made, rest = made + variables[name], rest[len(name) + 3 :]
        else:
            made, rest = made + rest[0], rest[1:]
    return made
