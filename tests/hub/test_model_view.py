"""What clients read of a model, from what the store knows."""

from typing import Any

import pytest

from hubtraining.hub.model_view import checkpoint_record, listed, timestamp, view
from hubtraining.hub.refusals import InUse
from hubtraining.hub.store.checkpoints import CheckpointRow
from hubtraining.hub.store.facts import Facts
from hubtraining.hub.store.items import ItemRow
from hubtraining.hub.store.models import ModelRow
from hubtraining.hub.store.weights import WeightsRow

PARENT = WeightsRow("yolo11n.pt", "parent", 1, 0.0)
CONFIG = {"batch": -1, "epochs": 3, "imgsz": 64, "patience": 100, "device": "", "cache": "ram"}


def link(sha256: str, name: str) -> str:
    return f"{sha256}:{name}"


def a_row(**changes: Any) -> ModelRow:
    fields: dict[str, Any] = {
        "id": "m",
        "name": "n",
        "status": "new",
        "namespace": "",
        "meta": {},
        "config": CONFIG,
        "dataset": {"name": "coco8.yaml"},
        "project": None,
        "architecture": "yolo11n",
        "parent": None,
        "created_at": 0.0,
        "updated_at": 0.0,
        "seen_at": None,
        "last": None,
        "best": None,
        "final": None,
    }
    return ModelRow(**{**fields, **changes})


def a_set(sha256: str | None) -> ItemRow:
    return ItemRow("d", "dataset", "signs", {}, sha256, 1, "a.zip", 0.0, 0.0)


def a_checkpoint(name: str, epoch: int = 4, session: str = "") -> CheckpointRow:
    return CheckpointRow(1, "m", "epoch", epoch, 0, 1, name, 0.0, session, 2, None)


def some_facts(row: ModelRow, **changes: Any) -> Facts:
    fields: dict[str, Any] = {"dataset": None, "parent": None, "last": None, "best": None, "claim": None}
    return Facts(model=row, **{**fields, **changes})


LAST, BEST = a_checkpoint("last"), a_checkpoint("best")


@pytest.mark.parametrize(
    ("status", "parent", "last", "best", "weights"),
    [
        ("new", None, None, None, None),
        ("new", PARENT, None, None, "parent:yolo11n.pt"),
        ("training", PARENT, None, None, "parent:yolo11n.pt"),
        ("training", PARENT, None, BEST, "parent:yolo11n.pt"),
        ("training", PARENT, LAST, BEST, "best:m-best.pt"),
        ("training", None, None, BEST, "best:m-best.pt"),
        ("training", PARENT, LAST, None, None),
        ("trained", PARENT, None, BEST, "best:m-best.pt"),
    ],
)
def test_weights_are_what_the_clients_next_step_needs(
    status: str, parent: WeightsRow | None, last: CheckpointRow | None, best: CheckpointRow | None, weights: str | None
) -> None:
    facts = some_facts(a_row(status=status), parent=parent, last=last, best=best)
    assert view(facts, link).weights == weights


def test_the_newest_state_is_named_by_model_and_epoch() -> None:
    assert view(some_facts(a_row(), last=LAST), link).resume == "last:m-epoch-4.pt"


@pytest.mark.parametrize(
    ("architecture", "parent", "held", "cfg"),
    [
        ("yolo11n", None, None, "yolo11n.yaml"),
        ("yolo11n", "yolo11n.pt", None, "yolo11n.pt"),
        ("yolo11n", "yolo11n.pt", PARENT, "yolo11n.yaml"),
        (None, None, None, None),
    ],
)
def test_what_to_build_where_no_weights_are_served(
    architecture: str | None, parent: str | None, held: WeightsRow | None, cfg: str | None
) -> None:
    assert view(some_facts(a_row(architecture=architecture, parent=parent), parent=held), link).cfg == cfg


@pytest.mark.parametrize(
    ("dataset", "item", "data"),
    [
        ({"name": "coco8.yaml"}, None, "coco8.yaml"),
        ({"name": "signs"}, a_set("zip"), "zip:signs.zip"),
        ({"id": "d", "name": None}, a_set("zip"), "zip:signs.zip"),
    ],
)
def test_data_is_a_link_or_a_name(dataset: dict[str, Any], item: ItemRow | None, data: str) -> None:
    model = view(some_facts(a_row(dataset=dataset), dataset=item), link)
    assert model.data == data
    assert model.train_args == {**CONFIG, "data": data}


@pytest.mark.parametrize(
    ("dataset", "item", "part"),
    [
        ({"name": "signs"}, a_set(None), "may still be processing"),
        ({"id": "d", "name": "signs"}, None, "was deleted"),
        ({"name": None}, None, "names no data set"),
    ],
)
@pytest.mark.parametrize("status", ["new", "training"])
def test_without_data_nothing_is_trained(dataset: dict[str, Any], item: ItemRow | None, part: str, status: str) -> None:
    facts = some_facts(a_row(dataset=dataset, status=status), dataset=item)
    with pytest.raises(InUse, match=part):
        view(facts, link)
    assert listed(facts, link).train_args is None
    assert view(some_facts(a_row(dataset=dataset, status="trained"), dataset=item), link).data is None


def test_a_checkpoint_says_who_made_it_where_that_is_known() -> None:
    assert (checkpoint_record(a_checkpoint("x")).session_uid, checkpoint_record(a_checkpoint("x")).attempt) == (
        None,
        None,
    )
    by_session = checkpoint_record(a_checkpoint("x", session="uid"))
    assert (by_session.session_uid, by_session.attempt) == ("uid", 2)


def test_times_are_rfc_3339_in_utc() -> None:
    assert timestamp(0.5) == "1970-01-01T00:00:00.500Z"
