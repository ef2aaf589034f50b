"""The hub as a process: it starts, stops, and refuses what it cannot keep."""

import subprocess
import sys
import zlib
from pathlib import Path

import httpx
import pytest
from builders.hub import a_checkpoint, a_creation, a_dataset
from builders.hub_process import a_hub_process, create_key, free_port, hub_command, run_hub_command

from hubtraining.hub import wire


def test_a_served_hub_takes_keys_data_sets_and_weights_from_its_owner(tmp_path: Path) -> None:
    dataset, weights = a_dataset(), a_checkpoint()
    with a_hub_process(tmp_path) as hub:
        headers = {wire.HEADER_KEY: create_key(tmp_path)}
        added = run_hub_command(tmp_path, "dataset", "add", "signs", "-", stdin=dataset)
        run_hub_command(tmp_path, "weights", "add", "yolo11n.pt", "-", stdin=weights)
        with httpx.Client(base_url=hub.url, headers=headers, timeout=30) as client:
            creation = a_creation(dataset={"name": "signs"}, lineage={"parent": {"name": "yolo11n.pt"}})
            model = client.post(wire.MODELS, json=creation).json()["data"]["id"]
            data = client.get(wire.model(model)).json()["data"]
            assert httpx.get(data["data"]).content == dataset
            assert httpx.get(data["weights"]).content == weights
        assert len(added.stdout.strip()) == 20


def test_it_stops_in_good_order_and_keeps_everything(tmp_path: Path) -> None:
    key = create_key(tmp_path)
    with a_hub_process(tmp_path) as hub, httpx.Client(base_url=hub.url, headers={wire.HEADER_KEY: key}) as client:
        model = client.post(wire.MODELS, json=a_creation()).json()["data"]["id"]
        assert hub.stop() == 0
    with a_hub_process(tmp_path) as hub, httpx.Client(base_url=hub.url, headers={wire.HEADER_KEY: key}) as client:
        assert client.get(wire.model(model)).status_code == 200


def test_a_folder_is_served_once(tmp_path: Path) -> None:
    with a_hub_process(tmp_path):
        second = run_hub_command(tmp_path, "--port", str(free_port()))
    assert second.returncode == 1
    assert b"another hub already serves" in second.stderr
    assert b"Traceback" not in second.stderr


def test_settings_that_are_wrong_are_all_named(tmp_path: Path) -> None:
    environ = {"HUBTRAINING_HUB_CLUSTER": "yes", "HUBTRAINING_HUB_RATE_LIMIT": "fast", "PATH": "/usr/bin"}
    command = hub_command("--data", str(tmp_path))
    refused = subprocess.run(command, env=environ, capture_output=True, check=False)
    assert refused.returncode == 1
    assert b"HUBTRAINING_HUB_CLUSTER" in refused.stderr
    assert b"HUBTRAINING_HUB_RATE_LIMIT" in refused.stderr
    assert b"Traceback" not in refused.stderr


def test_a_cluster_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    environ = {"HUBTRAINING_HUB_CLUSTER": "true", "PATH": "/usr/bin"}
    refused = subprocess.run(hub_command("--data", str(tmp_path)), env=environ, capture_output=True, check=False)
    assert refused.returncode == 1
    assert b"KUBERNETES_SERVICE_HOST" in refused.stderr
    assert b"Traceback" not in refused.stderr


def test_what_a_killed_server_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "serve-1").write_bytes(b"half")
    with a_hub_process(tmp_path):
        assert list((tmp_path / "incoming").iterdir()) == []


def test_owner_commands_need_no_web_server() -> None:
    probe = (
        "import sys, hubtraining.hub.commands; print(any(m.startswith(('starlette', 'uvicorn')) for m in sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=True)
    assert answer.stdout.strip() == b"False"


@pytest.mark.parametrize("compressible", [True, False])
def test_an_upload_of_many_megabytes_arrives_unchanged(tmp_path: Path, compressible: bool) -> None:
    content = a_checkpoint(20_000_000, seed=1 if compressible else None)
    with a_hub_process(tmp_path) as hub:
        headers = {wire.HEADER_KEY: create_key(tmp_path)}
        with httpx.Client(base_url=hub.url, headers=headers, timeout=60) as client:
            model = client.post(wire.MODELS, json=a_creation()).json()["data"]["id"]
            client.post(wire.upload(model), data={"epoch": "1"}, files={"last.pt": ("last.pt", content)})
            link = client.get(wire.model(model)).json()["data"]["resume"]
            assert zlib.crc32(httpx.get(link).content) == zlib.crc32(content)
