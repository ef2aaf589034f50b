"""docs/hub.md names every call and every setting of the hub, and its backup can be restored."""

import subprocess
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from builders.environ import Environ
from builders.hub import a_dataset, a_hub
from builders.hub_process import HubProcess, a_hub_process, create_key, run_hub_command
from builders.pages import DOCS, blocks, cells, first_column, section
from starlette.routing import Route

from hubtraining.hub import commands
from hubtraining.hub.server.misc import NOT_OFFERED
from hubtraining.hub.settings import PREFIX, HubSettings

PAGE = DOCS / "hub.md"
UNAUTHENTICATED = {"GET /healthz", "GET /readyz", "GET /metrics"}


async def test_every_call_and_page_is_in_its_table_and_no_other(tmp_path: Path) -> None:
    async with a_hub(tmp_path) as hub:
        routes = [route for route in hub.app.routes if isinstance(route, Route) and route.path not in NOT_OFFERED]
    served = {f"{method} {route.path}" for route in routes for method in (route.methods or set()) - {"HEAD"}}
    told = first_column(section(PAGE, "The protocol")) | first_column(section(PAGE, "For people"))
    assert told == served - UNAUTHENTICATED


def test_every_call_that_is_not_offered_is_named() -> None:
    assert [path for path in NOT_OFFERED if f"`{path}`" not in section(PAGE, "The protocol")] == []


def test_every_setting_is_explained_and_no_other() -> None:
    environ = Environ()
    HubSettings.from_env(environ)
    commands.log_style(environ)
    options = {parameter.envvar for parameter in commands.hub.params if parameter.envvar}
    assert first_column(section(PAGE, "Settings")) == environ.asked | options


def test_defaults_are_those_of_the_code() -> None:
    told = {row[0].strip("`"): row[1].strip("`") for row in cells(section(PAGE, "Settings"))}
    numbers = [(field.name, field.default) for field in fields(HubSettings) if type(field.default) is int]
    assert {name: told[f"{PREFIX}{name.upper()}"] for name, _ in numbers} == {name: str(size) for name, size in numbers}


def test_the_backup_that_the_page_tells_is_made_while_the_hub_serves_and_can_be_served(tmp_path: Path) -> None:
    data, backup, file = tmp_path / "data", tmp_path / "backup", a_dataset()
    (script,) = blocks(section(PAGE, "Backup"), "sh")
    data.mkdir()
    backup.mkdir()
    with a_hub_process(data) as hub:
        key = create_key(data)
        run_hub_command(data, "dataset", "add", "signs", "-", stdin=file)
        link = dataset_link(hub, key)
        shell = script.replace("DIR/", f"{data}/").replace("BACKUP/", f"{backup}/")
        subprocess.run(["sh", "-ec", shell], check=True)
    with a_hub_process(backup) as restored:
        assert httpx.get(restored.url + urlsplit(link).path).content == file
        assert urlsplit(dataset_link(restored, key)).path == urlsplit(link).path


def dataset_link(hub: HubProcess, key: str) -> str:
    answer = httpx.get(f"{hub.url}/v1/datasets", headers={"x-api-key": key})
    link: str = answer.json()["data"]["results"][0]["url"]
    return link
