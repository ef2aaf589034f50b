"""From flags to a session."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain.arguments import RESERVED
from hubtraining.domain.identifiers import InvalidIdentifier
from hubtraining.domain.invalid import InvalidSpec
from hubtraining.domain.secret import Secret
from hubtraining.domain.session import parse
from hubtraining.people import documents
from hubtraining.people.flags import Flags, draft, scalar

KEY = "canaryCANARY0canaryCANARY0canaryCANARY0abc"
ID = "modelmodelmodelmodel"


def flags(model: str = "yolo11n.pt", **others: Any) -> Flags:
    return Flags(model=Secret(model), **{"image": "trainer:1", "data": "signs.yaml", "gpus": 0, **others})


def spec(model: str = "yolo11n.pt", **others: Any) -> Any:
    return draft(flags(model, **others)).body["spec"]


@pytest.mark.parametrize(
    ("given_flags", "stanza", "value"),
    [
        ({"epochs": 3}, "train", {"args": {"data": "signs.yaml", "epochs": 3}}),
        ({"imgsz": "64"}, "train", {"args": {"data": "signs.yaml", "imgsz": 64}}),
        ({"imgsz": "[64, 32]"}, "train", {"args": {"data": "signs.yaml", "imgsz": [64, 32]}}),
        ({"batch": "0.7"}, "train", {"args": {"data": "signs.yaml", "batch": 0.7}}),
        (
            {"args": ("lr0=1e-3", "cache=ram", "amp=False", "classes=[0,1]", "note=a=b")},
            "train",
            {
                "args": {
                    "data": "signs.yaml",
                    "lr0": 0.001,
                    "cache": "ram",
                    "amp": False,
                    "classes": [0, 1],
                    "note": "a=b",
                }
            },
        ),
        ({"image": "mine:2"}, "trainer", {"image": "mine:2"}),
        ({"gpus": 1}, "trainer", {"image": "trainer:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}),
        (
            {"gpus": 1, "gpu_resource": "amd.com/gpu"},
            "trainer",
            {"image": "trainer:1", "resources": {"limits": {"amd.com/gpu": "1"}}},
        ),
        (
            {"env": ("A=b=c", "B=")},
            "trainer",
            {"image": "trainer:1", "env": [{"name": "A", "value": "b=c"}, {"name": "B", "value": ""}]},
        ),
        ({"command": ("python", "train.py")}, "trainer", {"image": "trainer:1", "command": ["python", "train.py"]}),
        ({"claim": "shared"}, "workspace", {"claimName": "shared"}),
        (
            {"hub_url": "https://api.example", "hub_web_url": "https://hub.example", "hub_secret": "mine"},
            "hub",
            {
                "url": "https://api.example",
                "webURL": "https://hub.example",
                "credentialsSecretRef": {"name": "mine", "key": "api-key"},
            },
        ),
        ({"hub_secret": "mine/token"}, "hub", {"credentialsSecretRef": {"name": "mine", "key": "token"}}),
    ],
)
def test_each_flag_has_its_place(given_flags: dict[str, Any], stanza: str, value: Any) -> None:
    assert spec(**given_flags)[stanza] == value


def test_several_nodes_need_a_command_and_a_claim_that_they_share() -> None:
    made = spec(nodes=2, gpus=4, claim="shared", command=("torchrun", "train.py"))
    assert (made["nodes"], made["trainer"]["resources"]) == (2, {"limits": {"nvidia.com/gpu": "4"}})
    assert "nodes" not in spec(nodes=1)


def test_what_is_not_said_is_not_written() -> None:
    expected = {"model": "yolo11n.pt", "train": {"args": {"data": "signs.yaml"}}, "trainer": {"image": "trainer:1"}}
    assert spec() == expected


def test_several_gpus_are_all_used_unless_it_is_said_which() -> None:
    assert spec(gpus=2)["train"]["args"]["device"] == "0,1"
    assert spec(gpus=2, args=("device=1",))["train"]["args"]["device"] == 1
    assert "device" not in spec(gpus=2, command=("python", "train.py"))["train"]["args"]


def test_metadata_has_name_namespace_and_queue() -> None:
    body = draft(flags(name="mine", namespace="team-a", queue="q")).body
    assert body["metadata"] == {
        "name": "mine",
        "namespace": "team-a",
        "labels": {"kueue.x-k8s.io/queue-name": "q"},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-1", -1), ("0.7", 0.7), ("true", True), ("True", True), ("None", None), ("null", None), ("ram", "ram"),
     ("0,1", "0,1"), ("007", "007"), ('"3"', "3"), ("[1, 2]", [1, 2]), ("", ""), ("NaN", "NaN")],
)  # fmt: skip
def test_values_are_json_or_pythons_words_or_text(text: str, value: Any) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


@pytest.mark.parametrize(
    ("given_flags", "field", "words"),
    [
        ({"name": "Signs"}, "metadata.name", "lower-case letters"),
        ({"image": ""}, "spec.trainer.image", "is empty"),
        ({"data": None}, "spec.train.args.data", "must name the data set"),
        ({"args": ("lr0",)}, "spec.train.args", "needs name=value; lr0 was given"),
        ({"args": ("=3",)}, "spec.train.args", "something without a name"),
        ({"args": ("lr0=1", "lr0=2")}, "spec.train.args", "lr0 twice"),
        ({"epochs": 3, "args": ("epochs=4",)}, "spec.train.args.epochs", "given twice"),
        ({"args": ('lr0={"a": 1}',)}, "spec.train.args.lr0", "a scalar or a flat list"),
        ({"args": ("project=x",)}, "spec.train.args.project", RESERVED["project"]),
        ({"env": ("A",)}, "spec.trainer.env", "needs name=value"),
        ({"env": ("HUBTRAINING_A=1",)}, "spec.trainer.env", "are ours"),
        ({"hub_url": "https://api.example"}, "spec.hub.url", "needs spec.hub.credentialsSecretRef"),
        ({"hub_url": "api.example", "hub_secret": "s"}, "spec.hub.url", "must be an http"),
        ({"model": "yolo11n"}, "spec.model", "supported formats"),
        ({"nodes": 2, "claim": "shared"}, "spec.nodes", "needs spec.trainer.command, such as torchrun"),
        ({"nodes": 2, "command": ("torchrun",)}, "spec.nodes", "needs spec.workspace.claimName or claimTemplate"),
        ({"nodes": 9999, "command": ("x",), "claim": "c"}, "spec.nodes", "is 9999; from 1 to 64 nodes"),
    ],
)
def test_bad_flags_are_told_by_the_field_that_they_make(given_flags: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidSpec, match=words) as told:
        draft(flags(**given_flags))
    assert told.value.field == field


def test_a_model_that_the_hub_holds_needs_no_data() -> None:
    assert spec(ID, data=None)["model"] == ID
    link = f"https://hub.mine.example/base/models/{ID}"
    assert spec(link, data=None)["model"] == link


@pytest.mark.parametrize("model", [f"{KEY}_{ID}", f"https://hub.mine.example/models/{ID}?api_key={KEY}"])
def test_an_identifier_with_a_key_goes_into_a_secret(model: str) -> None:
    made = draft(flags(model, name="mine", data=None))
    assert made.body["spec"]["modelFrom"] == {"secretKeyRef": {"name": "mine-model", "key": "identifier"}}
    assert "model" not in made.body["spec"]
    assert made.secret_name == "mine-model"
    assert made.identifier is not None
    assert made.identifier.reveal() == model
    assert KEY not in documents.written([made.body])
    assert KEY not in repr(made)


@pytest.mark.parametrize(
    "model",
    [
        KEY,
        f"{KEY}_{ID}x",
        f"{KEY}_",
        f"{KEY}-{ID}",
        f"https://hub.mine.example/models/{ID}?api_key={KEY}x",
        f"https://hub.mine.example/models/{ID}?api_key={KEY}&api_key={KEY}",
        f"https://hub.mine.example/models/?api_key={KEY}",
        f"{KEY}_{ID}.pt",
    ],
)
def test_a_mistyped_key_is_refused_and_not_repeated(model: str) -> None:
    with pytest.raises(InvalidSpec) as told:
        draft(flags(model, data=None))
    assert "supported formats" in str(told.value)
    assert KEY not in str(told.value)
    assert KEY not in repr(told.value)
    assert not isinstance(told.value.__cause__, InvalidIdentifier)


WORDS = st.text("abcXYZ019 .,:/_-[]{}'\"$#&*!%\\äß→", max_size=12)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in RESERVED and name not in ("data", "epochs", "imgsz", "batch", "device")
)


@given(
    data=WORDS.filter(bool),
    epochs=st.none() | st.integers(1, 1000),
    batch=st.none() | WORDS,
    args=st.dictionaries(NAMES, WORDS, max_size=4),
    env=st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True), WORDS, max_size=3),
    gpus=st.integers(0, 8),
    command=st.lists(WORDS, max_size=3),
)
def test_what_is_printed_is_what_the_controller_accepts(
    data: str, epochs: int | None, batch: str | None, args: Any, env: Any, gpus: int, command: list[str]
) -> None:
    pairs, variables = (tuple(f"{name}={value}" for name, value in given.items()) for given in (args, env))
    wanted = flags(
        data=data, epochs=epochs, batch=batch, args=pairs, env=variables, gpus=gpus, command=tuple(command), name="mine"
    )
    try:
        made = draft(wanted)
    except InvalidSpec:
        return
    (printed,) = yaml.safe_load_all(documents.written([made.body]))
    assert printed == made.body
    assert parse(printed["spec"]) == parse(made.body["spec"])
    assert parse(printed["spec"]).train.args["data"] == data
