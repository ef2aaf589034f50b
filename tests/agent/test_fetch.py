"""Inputs from our real hub."""

import errno
import os
import zipfile
from pathlib import Path

import msgspec
import pytest
import yaml
from builders.agent import Scene, a_scene
from builders.trainer import weights

from hubtraining.agent import fetch
from hubtraining.agent.data_set import BadDataSet
from hubtraining.domain import layout
from hubtraining.domain.layout import Assignment, HubAccess, Input
from hubtraining.hub.errors import HubNotFound, HubUnauthorized

pytestmark = pytest.mark.looptime

DATA = Input("dataset", layout.INPUT_DATA_YAML)
PARENT = Input("parent", layout.weights_file("yolo11n.pt"))
YAML = "path: ../datasets/signs\ntrain: images/train\nnames: [disc]\n"


async def give_data_set(scene: Scene, members: dict[str, str]) -> None:
    """A model that trains on this zip."""
    path = scene.folder / "signs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    await scene.hub.upload_dataset(await scene.hub.create_dataset("signs"), path)
    await scene.hub.update(scene.model_id, {"dataset": {"name": "signs"}})


async def give_parent(scene: Scene, content: bytes) -> None:
    """A model that starts from these weights."""
    path = scene.folder / "yolo11n.pt"
    path.write_bytes(content)
    await scene.hub.upload_weights("yolo11n.pt", path)
    payload = {"lineage": {"parent": {"name": "yolo11n.pt"}}, "dataset": {"name": "x"}}
    scene.model_id = (await scene.hub.create(payload)).id
    scene.assigned(hub=HubAccess(scene.assignment.hub.url, scene.model_id, "key"))


def downloads(scene: Scene) -> int:
    return sum("/v1/files/" in path for path in scene.network.asked)


async def test_a_data_set_is_unpacked_and_its_yaml_leads_there(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await give_data_set(scene, {"signs/data.yaml": YAML, "signs/images/train/1.png": "png"})
        scene.assigned(inputs=(DATA,))
        await scene.fetch()
        read = yaml.safe_load((tmp_path / "workspace/inputs/data.yaml").read_text())
        assert read == {"path": read["path"], "train": "images/train", "names": ["disc"]}
        assert (Path(read["path"]) / "images/train/1.png").read_text() == "png"
        assert not (tmp_path / "workspace/inputs/dataset.zip").exists()


async def test_what_lasts_is_brought_once_for_all_attempts(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await give_parent(scene, weights(-1))
        scene.assigned(inputs=(PARENT,))
        await scene.fetch()
        assert (tmp_path / "workspace/inputs/yolo11n.pt").read_bytes() == weights(-1)
        done = downloads(scene)
        await scene.assigned(attempt=2).fetch()
        assert downloads(scene) == done == 1


@pytest.mark.parametrize("content", [b"<html>", weights(-1)[:500]])
async def test_start_weights_that_are_torn_are_brought_again(tmp_path: Path, content: bytes) -> None:
    async with a_scene(tmp_path) as scene:
        await give_parent(scene, weights(-1))
        path = tmp_path / "workspace/inputs/yolo11n.pt"
        path.parent.mkdir()
        path.write_bytes(content)
        await scene.assigned(inputs=(PARENT,)).fetch()
        assert path.read_bytes() == weights(-1)


async def test_a_link_in_the_place_of_an_input_is_replaced_and_not_followed(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await give_parent(scene, weights(-1))
        target = tmp_path / "precious"
        target.write_bytes(weights(5))
        path = tmp_path / "workspace/inputs/yolo11n.pt"
        path.parent.mkdir()
        path.symlink_to(target)
        await scene.assigned(inputs=(PARENT,)).fetch()
        assert (path.is_symlink(), path.read_bytes()) == (False, weights(-1))
        assert target.read_bytes() == weights(5)


async def test_a_folder_that_is_a_link_is_made_anew(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "workspace/inputs").symlink_to(tmp_path / "elsewhere")
        await scene.fetch()
        assert not (tmp_path / "workspace/inputs").is_symlink()


async def test_an_input_that_the_hub_does_not_have_fails_the_attempt(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        with pytest.raises(HubNotFound, match="no dataset to download"):
            await scene.assigned(inputs=(DATA,)).fetch()


async def test_a_data_set_that_cannot_be_used_fails_the_attempt(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await give_data_set(scene, {"images/1.png": "png"})
        with pytest.raises(BadDataSet, match="needs one yaml file"):
            await scene.assigned(inputs=(DATA,)).fetch()


async def test_a_key_that_the_hub_does_not_know_fails_the_attempt(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        (tmp_path / "secrets/hub/api-key").write_text("k" * 42)
        with pytest.raises(HubUnauthorized):
            await scene.assigned(attempt=2).fetch()


def environment(folder: Path, assignment: Assignment) -> dict[str, str]:
    (folder / "workspace").mkdir()
    return {
        layout.ENV_ASSIGNMENT: assignment.to_json(),
        "HUBTRAINING_WORKSPACE": str(folder / "workspace"),
        "HUBTRAINING_SECRETS": str(folder / "secrets"),
        "HUBTRAINING_TERMINATION_LOG": str(folder / "termination.log"),
    }


ASSIGNMENT = Assignment("team", "signs", "uid", 1, HubAccess("http://127.0.0.1:9", "m", "key"), "")


@pytest.fixture(autouse=True)
def logging_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test process's own."""
    monkeypatch.setattr(fetch.logs, "set_up", lambda *_: None)


def test_the_program_says_nothing_and_ends_with_0_when_nothing_is_to_be_brought(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch.main(environment(tmp_path, ASSIGNMENT)) == 0
    assert (tmp_path / "workspace/.hubtraining/begun-uid-1").exists()
    assert capsys.readouterr().err == ""


def test_a_failure_is_one_sentence_on_standard_error_and_in_the_termination_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = msgspec.structs.replace(ASSIGNMENT, inputs=(PARENT,))
    assert fetch.main(environment(tmp_path, wanted)) == 1
    sentence = (tmp_path / "termination.log").read_text()
    assert sentence.startswith("fetch: ")
    assert capsys.readouterr().err == f"{sentence}\n"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_workspace_is_told_with_the_field_that_says_how_large_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number), "/workspace/inputs")

    monkeypatch.setattr(fetch, "prepare", full)
    assert fetch.main(environment(tmp_path, ASSIGNMENT)) == 1
    sentence = (tmp_path / "termination.log").read_text()
    assert sentence == f"fetch: the workspace is full, see spec.workspace: {os.strerror(number)}"


def test_settings_that_are_wrong_end_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch.main({}) == 2
    assert capsys.readouterr().err.startswith("fetch: HUBTRAINING_ASSIGNMENT: not set")
