"""The example that shows the vendor's client at a hub of yours."""

import json
import os
import subprocess
from pathlib import Path

import httpx
import pytest
from builders.hub import a_checkpoint
from builders.hub_process import a_hub_process, create_key
from support.peers import python_of

from hubtraining.hub import wire

pytestmark = pytest.mark.peers

EXAMPLE = Path(__file__).parents[2] / "examples" / "hub_client.py"


def test_the_example_works_as_it_says(tmp_path: Path) -> None:
    checkpoint = tmp_path / "last.pt"
    checkpoint.write_bytes(a_checkpoint(100_000))
    with a_hub_process(tmp_path / "hub") as hub:
        key = create_key(hub.folder)
        environ = {"ULTRALYTICS_HUB_API": hub.url, "ULTRALYTICS_HUB_WEB": hub.url, "HUB_API_KEY": key}
        command = [str(python_of("hub-sdk-0.0.25")), str(EXAMPLE), str(checkpoint)]
        done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr.decode()
        shown, last = done.stdout.decode().splitlines()[-2:]
        history = httpx.get(hub.url + wire.checkpoints(json.loads(shown)["model"]), headers={wire.HEADER_KEY: key})
    assert json.loads(shown)["metrics"] == [
        {"meta": {"name": "train/box_loss"}, "data": {"0": 1.5, "1": 0.75, "2": 0.5}}
    ]
    assert "byte for byte" in last
    assert [record["epoch"] for record in history.json()["data"]] == [2]


def test_the_example_says_when_the_key_is_wrong(tmp_path: Path) -> None:
    with a_hub_process(tmp_path / "hub") as hub:
        environ = {"ULTRALYTICS_HUB_API": hub.url, "ULTRALYTICS_HUB_WEB": hub.url, "HUB_API_KEY": "x" * 42}
        command = [str(python_of("hub-sdk-0.0.25")), str(EXAMPLE), "none.pt"]
        done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, check=False, timeout=120)
    assert done.returncode == 1
    assert b"does not know the key" in done.stderr
