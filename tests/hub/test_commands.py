"""``hubtraining hub`` as its owner types it."""

import io
from pathlib import Path

import pytest
from builders.hub import a_checkpoint, a_dataset, a_hub
from click.testing import CliRunner, Result

from hubtraining.cli import main
from hubtraining.hub import wire
from hubtraining.hub.commands import hub, log_style


def run(folder: Path, *arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(hub, list(arguments), input=io.BytesIO(stdin), env={"HUBTRAINING_HUB_DATA": str(folder)})


def test_a_key_is_printed_once_listed_and_revoked(tmp_path: Path) -> None:
    made = run(tmp_path, "key", "create", "laptop").output.strip()
    listed = run(tmp_path, "key", "list").output
    revoked = run(tmp_path, "key", "revoke", "laptop")
    again = run(tmp_path, "key", "revoke", "laptop")
    assert len(made) == wire.API_KEY_LENGTH
    assert "laptop" in listed
    assert "valid" in listed
    assert made not in listed
    assert (revoked.exit_code, revoked.output) == (0, "revoked 1\n")
    assert (again.exit_code, again.output) == (1, "Error: there is no valid key of the name or id 'laptop'\n")
    assert "revoked" in run(tmp_path, "key", "list").output


async def test_a_key_works_at_once(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as running:
        key = run(tmp_path, "key", "create", "x").output.strip()
        async with running.stranger({wire.HEADER_KEY: key}) as client:
            assert (await client.post(wire.AUTH)).status_code == 200


async def test_a_data_set_is_added_and_replaced(tmp_path: Path) -> None:
    first, second = a_dataset(), a_dataset()
    async with a_hub(tmp_path) as running:
        ids = {run(tmp_path, "dataset", "add", "signs", "-", stdin=content).output for content in (first, second)}
        data = await running.data("GET", wire.model(await running.model(dataset={"name": "signs"})))
        async with running.stranger() as stranger:
            assert (await stranger.get(data["data"])).content == second
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("arguments", "content", "part"),
    [
        (("dataset", "add", "signs", "-"), b"no zip", "not a whole zip"),
        (("weights", "add", "yolo11n.pt", "-"), b"no zip", "not a whole zip"),
        (("weights", "add", "../x.pt", "-"), a_checkpoint(), "the name is '../x.pt'"),
        (("key", "create", ""), b"", "1 to 256"),
        (("key", "create", "a\nb"), b"", "printable"),
        (("dataset", "add", "", "-"), a_dataset(), "1 to 256"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], content: bytes, part: str
) -> None:
    refused = run(tmp_path, *arguments, stdin=content)
    assert refused.exit_code == 1
    assert part in refused.output
    assert refused.output.startswith("Error: ")
    assert "Traceback" not in refused.output


def test_the_data_folder_must_be_named() -> None:
    refused = CliRunner().invoke(hub, ["key", "list"], env={"HUBTRAINING_HUB_DATA": ""})
    assert refused.exit_code == 2
    assert "HUBTRAINING_HUB_DATA" in refused.output


def test_the_folder_may_stand_before_or_after_the_command(tmp_path: Path) -> None:
    runner = CliRunner()
    for arguments in (["--data", str(tmp_path), "key", "create", "a"], ["key", "create", "b", "--data", str(tmp_path)]):
        assert runner.invoke(hub, arguments, env={"HUBTRAINING_HUB_DATA": ""}).exit_code == 0
    assert len(run(tmp_path, "key", "list").output.splitlines()) == 2


def test_the_main_command_leads_here(tmp_path: Path) -> None:
    runner = CliRunner()
    assert "HUBTRAINING_HUB_DATA" in runner.invoke(main, ["hub", "--help"]).output
    made = runner.invoke(main, ["hub", "key", "create", "x", "--data", str(tmp_path)])
    assert len(made.output.strip()) == wire.API_KEY_LENGTH


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR"), ("LOG_FORMAT", "xml", "json or plain")],
)
def test_a_way_of_logging_that_there_is_not_is_refused_in_a_sentence(
    tmp_path: Path, variable: str, value: str, allowed: str
) -> None:
    name = f"HUBTRAINING_{variable}"
    done = CliRunner().invoke(hub, ["--data", str(tmp_path)], env={name: value})
    assert (done.exit_code, done.output) == (1, f"Error: {name} is {value!r}: {allowed} is allowed\n")


def test_people_get_plain_lines_and_levels_may_be_in_lower_case() -> None:
    assert log_style({}) == ("INFO", "plain")
    assert log_style({"HUBTRAINING_LOG_LEVEL": "debug", "HUBTRAINING_LOG_FORMAT": "json"}) == ("DEBUG", "json")
