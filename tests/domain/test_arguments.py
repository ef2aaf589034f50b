from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain import arguments, layout
from hubtraining.domain.arguments import (
    AlreadyTrained,
    DatasetNotReady,
    InvalidArguments,
    ModelIncomplete,
    ModelUnfit,
    Plan,
    create_payload,
    plan,
    validate,
)
from hubtraining.domain.identifiers import parse
from hubtraining.domain.layout import Input
from hubtraining.hub import wire

ID = "Zk3n5Qw8Rt1Yb7Uc2Xm4"
LINK = f"https://hub.example/models/{ID}"
OF_THE_HUB = parse(ID)
WEIGHTS = parse("/data/yolo11n.pt")
ARCHITECTURE = parse("yolov8n.yaml")
ZIP = "https://files.example/datasets/1/signs.zip?signature=x"
DATA_INPUT = Input("dataset", layout.INPUT_DATA_YAML)
HUB_ARGS = {"batch": 8, "epochs": 50, "imgsz": 320, "patience": 10, "device": "", "cache": "ram", "data": "signs.yaml"}


def a_model(**fields: Any) -> wire.Model:
    return wire.Model(**{"id": ID, "cfg": "yolov8n.yaml", "train_args": HUB_ARGS, **fields})


# what a user may write


@pytest.mark.parametrize("value", ["ram", 3, 0.5, True, None, [0, 1], ["a", "b"], (1, 2), []])
def test_scalars_and_flat_lists_are_arguments(value: object) -> None:
    assert validate({"some_arg2": value}) == {"some_arg2": value}


@pytest.mark.parametrize("name", ["project", "name", "save_dir", "exist_ok", "resume", "mode", "model"])
def test_what_is_ours_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(InvalidArguments, match=rf"^spec\.train\.args\.{name} cannot be set: \w+"):
        validate({name: "x"})


@pytest.mark.parametrize("value", [{"a": 1}, [[1]], [{"a": 1}], b"x"])
def test_nested_values_are_refused_by_their_type(value: object) -> None:
    with pytest.raises(InvalidArguments, match=r"spec\.train\.args\.freeze is \w+; a scalar or a flat list"):
        validate({"freeze": value})


@pytest.mark.parametrize("name", ["", "Epochs", "lr0=1", "--epochs", "lr 0", "1st", "épochs"])
def test_names_that_no_trainer_has_are_refused(name: str) -> None:
    with pytest.raises(InvalidArguments, match="lower-case letters, digits and _ are allowed"):
        validate({name: 1})


@pytest.mark.parametrize("value", ["a\nb", "a\0b", ["ok", "a\x7fb"]])
def test_control_characters_are_refused(value: object) -> None:
    with pytest.raises(InvalidArguments, match="control character"):
        validate({"data": value})


# what the hub is told


def test_a_model_is_created_with_the_protocols_defaults() -> None:
    assert create_payload(WEIGHTS, {"data": "signs.yaml"}) == {
        "config": {"batchSize": -1, "epochs": 300, "imageSize": 640, "patience": 100, "device": "", "cache": "ram"},
        "dataset": {"name": "signs.yaml"},
        "lineage": {"architecture": {"name": "yolo11n"}, "parent": {"name": "yolo11n.pt"}},
        "meta": {"name": "yolo11n.pt"},
    }


def test_the_users_arguments_are_told() -> None:
    args = {"data": "a", "batch": 4, "epochs": 3, "imgsz": 64, "patience": 0, "device": [0, 1], "cache": True}

    assert create_payload(WEIGHTS, args)["config"] == {
        "batchSize": 4, "epochs": 3, "imageSize": 64, "patience": 0, "device": "0,1", "cache": "True",
    }  # fmt: skip


def test_a_device_of_null_is_told_as_no_device() -> None:
    assert create_payload(WEIGHTS, {"data": "a", "device": None})["config"]["device"] == ""


def test_an_architecture_has_no_parent() -> None:
    lineage = create_payload(ARCHITECTURE, {"data": "a"})["lineage"]

    assert lineage == {"architecture": {"name": "yolov8n"}, "parent": {}}


def test_the_sessions_uid_goes_into_meta_so_the_model_can_be_found_again() -> None:
    assert create_payload(WEIGHTS, {"data": "a"}, "uid-1")["meta"] == {"name": "yolo11n.pt", "session": "uid-1"}


@pytest.mark.parametrize("args", [{}, {"data": None}, {"data": ""}, {"data": 3}, {"data": ["a"]}])
def test_no_model_is_created_without_a_data_set(args: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments, match=r"spec\.train\.args\.data is .+ must name the data set"):
        create_payload(WEIGHTS, args)


# what is trained


def test_a_new_model_of_the_hub_trains_its_architecture_with_the_hubs_arguments() -> None:
    assert plan(a_model(), {}, OF_THE_HUB, LINK) == Plan(
        model="yolov8n.yaml",
        arguments={"batch": 8, "epochs": 50, "imgsz": 320, "patience": 10, "cache": "ram", "data": "signs.yaml"},
        inputs=(),
        epochs=50,
    )


def test_the_hubs_values_win_over_the_users_and_it_says_which() -> None:
    planned = plan(a_model(), {"epochs": 3, "imgsz": 320, "lr0": 0.02, "data": "mine.yaml"}, OF_THE_HUB, LINK)

    assert planned.arguments["epochs"] == planned.epochs == 50
    assert planned.arguments["data"] == "signs.yaml"
    assert planned.arguments["lr0"] == 0.02
    assert planned.overridden == ("data", "epochs")


def test_a_data_set_that_the_hub_has_only_as_a_link_wins_too_and_it_says_so() -> None:
    model = a_model(train_args={"epochs": 5}, data="https://f.example/signs.zip?signature=x")

    planned = plan(model, {"data": "mine.yaml", "epochs": 5}, OF_THE_HUB, LINK)

    assert planned.arguments["data"] == layout.INPUT_DATA_YAML
    assert planned.overridden == ("data",)


def test_the_hubs_data_set_of_the_very_name_that_was_given_replaces_nothing() -> None:
    model = a_model(train_args={"data": ZIP}, data=ZIP, dataset={"name": "signs"})

    assert plan(model, {"data": "signs"}, OF_THE_HUB, LINK).overridden == ()
    assert plan(model, {"data": "other"}, OF_THE_HUB, LINK).overridden == ("data",)


@pytest.mark.parametrize("dataset", [None, [], "signs", {"name": ["signs"]}])
def test_a_hub_may_say_anything_of_its_data_set(dataset: Any) -> None:
    model = a_model(train_args={"data": ZIP}, data=ZIP, dataset=dataset)
    assert plan(model, {"data": "signs"}, OF_THE_HUB, LINK).overridden == ("data",)


def test_for_a_created_model_the_users_values_win_over_the_hubs_echo() -> None:
    planned = plan(a_model(), {"epochs": 3, "cache": False, "data": "mine.yaml"}, ARCHITECTURE, LINK)

    assert (planned.arguments["epochs"], planned.arguments["cache"], planned.epochs) == (3, False, 3)
    assert planned.arguments["data"] == "mine.yaml"
    assert planned.overridden == ()


def test_what_the_user_takes_back_is_the_default_again() -> None:
    """The hub still tells what the model was created with."""
    planned = plan(a_model(), {"data": "a.yaml"}, ARCHITECTURE, LINK)

    assert planned.arguments == {
        "batch": -1, "epochs": 300, "imgsz": 640, "patience": 100, "cache": "ram", "data": "a.yaml",
    }  # fmt: skip
    assert planned.epochs == 300


def test_what_was_announced_by_default_is_what_is_trained() -> None:
    planned = plan(a_model(train_args=None), {"data": "a.yaml"}, ARCHITECTURE, LINK)

    assert planned.arguments == {
        "batch": -1, "epochs": 300, "imgsz": 640, "patience": 100, "cache": "ram", "data": "a.yaml",
    }  # fmt: skip


def test_empty_texts_and_nulls_are_left_to_the_trainer() -> None:
    planned = plan(a_model(), {"device": "", "optimizer": None, "freeze": 0, "data": "a"}, ARCHITECTURE, LINK)

    assert "device" not in planned.arguments
    assert "optimizer" not in planned.arguments
    assert planned.arguments["freeze"] == 0


def test_a_data_set_that_the_hub_holds_is_fetched() -> None:
    planned = plan(a_model(data=ZIP), {"data": "signs.yaml"}, ARCHITECTURE, LINK)

    assert planned.arguments["data"] == layout.INPUT_DATA_YAML
    assert planned.inputs == (DATA_INPUT,)


def test_a_link_to_a_zip_among_the_hubs_arguments_is_fetched_too() -> None:
    planned = plan(a_model(train_args={**HUB_ARGS, "data": ZIP}), {}, OF_THE_HUB, LINK)

    assert (planned.arguments["data"], planned.inputs) == (layout.INPUT_DATA_YAML, (DATA_INPUT,))


def test_a_link_to_a_yaml_is_left_to_the_trainer() -> None:
    link = "https://files.example/coco8.yaml"

    planned = plan(a_model(data=link, train_args={**HUB_ARGS, "data": link}), {}, OF_THE_HUB, LINK)

    assert (planned.arguments["data"], planned.inputs) == (link, ())


def test_a_pretrained_model_starts_from_the_parents_weights() -> None:
    model = a_model(is_pretrained=True, weights="https://files.example/a/yolo11n.pt?signature=x")

    planned = plan(model, {}, OF_THE_HUB, LINK)

    assert planned.model == layout.weights_file("yolo11n.pt")
    assert planned.inputs == (Input("parent", layout.weights_file("yolo11n.pt")),)
    assert not planned.resumed


@pytest.mark.parametrize(
    "link", ["https://f.example/..%2F..%2Fx.pt", "https://f.example/%2e%2e.pt", "https://f.example/x.zip", "https://f"]
)
def test_odd_file_names_of_a_hub_are_not_used(link: str) -> None:
    planned = plan(a_model(is_pretrained=True, weights=link), {}, OF_THE_HUB, LINK)

    assert planned.model in {layout.weights_file("parent.pt"), layout.weights_file("x.pt")}


STARTED = {"status": "training", "has_last_weights": True, "resume": "https://files.example/epoch-4.pt"}
LAST = Input("last", layout.weights_file("last.pt"))


def test_a_started_model_goes_on_from_its_last_weights_and_knows_how_it_would_begin_afresh() -> None:
    planned = plan(a_model(**STARTED, data=ZIP), {"lr0": 0.02}, OF_THE_HUB, LINK)

    assert planned.inputs == (DATA_INPUT, LAST)
    assert planned.resumed
    assert planned.epochs == 50
    assert planned.model == "yolov8n.yaml"
    assert planned.arguments["lr0"] == 0.02


def test_a_user_who_wants_no_resuming_begins_afresh() -> None:
    planned = plan(a_model(**STARTED), {}, OF_THE_HUB, LINK, resume=False)

    assert (planned.inputs, planned.resumed) == ((), False)


def test_later_attempts_look_for_their_own_work_not_for_what_the_hub_held_before() -> None:
    planned = plan(a_model(**{**STARTED, "status": "trained"}), {}, OF_THE_HUB, LINK, first=False)

    assert (planned.inputs, planned.resumed) == ((), False)


def test_weights_to_go_on_from_are_enough_even_if_nobody_knows_how_it_began() -> None:
    planned = plan(a_model(**STARTED, cfg=None), {}, OF_THE_HUB, LINK)

    assert (planned.model, planned.inputs) == ("", (LAST,))
    assert plan(a_model(**STARTED, cfg=None), {}, OF_THE_HUB, LINK, first=False).model == ""
    with pytest.raises(ModelIncomplete):
        plan(a_model(**STARTED, cfg=None), {}, OF_THE_HUB, LINK, resume=False)


def test_last_weights_without_a_link_cannot_be_resumed() -> None:
    assert not plan(a_model(has_last_weights=True), {}, OF_THE_HUB, LINK).resumed


def test_a_trained_model_is_refused_with_its_link() -> None:
    with pytest.raises(AlreadyTrained, match=LINK) as caught:
        plan(a_model(status="trained"), {}, OF_THE_HUB, LINK)

    assert caught.value.link == LINK


@pytest.mark.parametrize("train_args", [None, {}, {"epochs": 3}, {"data": None}, {"data": ""}])
def test_nothing_trains_on_a_default_data_set(train_args: dict[str, Any] | None) -> None:
    with pytest.raises(DatasetNotReady, match="may still be processing"):
        plan(a_model(train_args=train_args), {}, OF_THE_HUB, LINK)


def test_nothing_resumes_on_a_default_data_set() -> None:
    model = a_model(train_args={}, has_last_weights=True, resume="https://files.example/epoch-4.pt")

    with pytest.raises(DatasetNotReady):
        plan(model, {}, OF_THE_HUB, LINK)


def test_a_data_set_that_the_user_names_stands_in_for_one_that_the_hub_lacks() -> None:
    assert plan(a_model(train_args={}), {"data": "mine.yaml"}, OF_THE_HUB, LINK).arguments["data"] == "mine.yaml"


def test_a_model_without_weights_and_architecture_cannot_start() -> None:
    with pytest.raises(ModelIncomplete, match=LINK):
        plan(a_model(cfg=None), {}, OF_THE_HUB, LINK)


@pytest.mark.parametrize(
    ("identifier", "start"),
    [("yolo11n.pt", "yolo11n.pt"), ("yolov5n.pt", "yolov5nu.pt"), ("/data/yolov5n.pt", "/data/yolov5n.pt")],
)
def test_local_weights_that_the_hub_does_not_hold_are_the_trainers_to_resolve(identifier: str, start: str) -> None:
    planned = plan(a_model(cfg="yolo11n.pt"), {"data": "a"}, parse(identifier), LINK)

    assert (planned.model, planned.inputs) == (start, ())


def test_weights_that_the_hub_holds_under_the_name_are_fetched() -> None:
    model = a_model(is_pretrained=True, weights="https://files.example/yolo11n.pt")

    assert plan(model, {"data": "a"}, parse("yolo11n.pt"), LINK).model == layout.weights_file("yolo11n.pt")


def test_the_flat_record_of_older_hubs_is_read() -> None:
    model = a_model(train_args=None, batch_size="16", epochs="7", imgsz=96, data="signs.yaml")

    planned = plan(model, {}, OF_THE_HUB, LINK)

    assert planned.arguments["batch"] == "16"
    assert (planned.arguments["imgsz"], planned.epochs) == (96, 7)


def test_a_hub_cannot_set_what_is_ours() -> None:
    model = a_model(train_args={**HUB_ARGS, "save_dir": "/etc", "project": "/", "resume": True, "model": "x.pt"})

    planned = plan(model, {}, OF_THE_HUB, LINK)

    assert not arguments.RESERVED.keys() & planned.arguments.keys()


def test_a_hub_cannot_send_nested_values() -> None:
    with pytest.raises(ModelUnfit, match=r"the hub's train_args\.freeze"):
        plan(a_model(train_args={**HUB_ARGS, "freeze": [[1]]}), {}, OF_THE_HUB, LINK)


@pytest.mark.parametrize("epochs", ["many", -1, 2**31, float("inf")])
def test_a_number_of_epochs_that_nobody_can_count_is_unknown(epochs: object) -> None:
    assert plan(a_model(train_args={**HUB_ARGS, "epochs": epochs}), {}, OF_THE_HUB, LINK).epochs is None


names = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True).filter(lambda name: name not in arguments.RESERVED)
scalars = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=9) | st.integers() | st.booleans()
given_args = st.dictionaries(names, scalars | st.none() | st.lists(scalars, max_size=3), max_size=5)


@given(given_args, given_args, st.booleans(), st.booleans())
def test_every_plan_has_a_data_set_and_only_values_a_command_line_can_carry(
    args: dict[str, Any], of_hub: dict[str, Any], resumable: bool, local: bool
) -> None:
    model = a_model(train_args=of_hub, has_last_weights=resumable, resume="https://f.example/epoch-1.pt")
    try:
        planned = plan(model, args, ARCHITECTURE if local else OF_THE_HUB, LINK)
    except DatasetNotReady:
        return
    assert planned.arguments["data"]
    assert all(value is not None and value != "" for value in planned.arguments.values())
    assert planned.resumed == resumable
    assert set(planned.overridden) <= args.keys()
