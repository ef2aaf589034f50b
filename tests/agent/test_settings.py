"""What agent and fetch are told from outside."""

from pathlib import Path, PurePosixPath

import pytest

from hubtraining.agent.settings import AgentSettings, SettingsError, key_in
from hubtraining.domain import layout
from hubtraining.domain.layout import Assignment, HubAccess, Input

KEY = "k" * 42
ASSIGNMENT = Assignment("team", "signs", "uid", 1, HubAccess("http://hub", "m"), "")


def environment(assignment: Assignment = ASSIGNMENT, **others: str) -> dict[str, str]:
    return {layout.ENV_ASSIGNMENT: assignment.to_json(), **others}


def test_the_layout_is_where_things_lie_in_a_pod() -> None:
    settings = AgentSettings.from_env(environment())
    assert settings == AgentSettings(ASSIGNMENT)
    assert settings.in_workspace(layout.RESUME_FILE) == Path("/workspace/run/weights/last.pt")
    assert settings.inside(layout.RUN) == PurePosixPath("run")


def test_outside_of_a_pod_folders_port_and_log_can_be_others() -> None:
    told = {"WORKSPACE": "/w", "JOURNAL": "/j", "SECRETS": "/s", "TERMINATION_LOG": "/t", "AGENT_PORT": "0"}
    told |= {"LOG_LEVEL": "debug", "LOG_FORMAT": "plain"}
    settings = AgentSettings.from_env(environment(**{f"HUBTRAINING_{name}": value for name, value in told.items()}))
    paths = (settings.workspace, settings.journal, settings.secrets, settings.termination_log)
    assert paths == (Path("/w"), Path("/j"), Path("/s"), Path("/t"))
    assert (settings.port, settings.log_level, settings.log_format) == (0, "DEBUG", "plain")
    assert settings.secret(layout.TOKEN_HUB) == Path("/s/tokens/hub")


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        AgentSettings.from_env(
            {"HUBTRAINING_AGENT_PORT": "70000", "HUBTRAINING_LOG_LEVEL": "loud", "HUBTRAINING_LOG_FORMAT": "xml"}
        )
    for part in (
        "HUBTRAINING_ASSIGNMENT: not set",
        "'70000' is no whole number",
        "'LOUD' is none of",
        "'xml' is none of",
    ):
        assert part in str(raised.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"namespace": 7}', ASSIGNMENT.to_json().replace("attempt", "atempt")])
def test_an_assignment_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="HUBTRAINING_ASSIGNMENT"):
        AgentSettings.from_env({layout.ENV_ASSIGNMENT: text})


@pytest.mark.parametrize("path", ["/etc", "/workspace", "/workspace/../etc", "run", "/workspaces/run"])
def test_a_path_outside_of_the_workspace_is_refused(path: str) -> None:
    elsewhere = Assignment("team", "signs", "uid", 1, HubAccess("http://hub", "m"), "", run_folder=path)
    inputs = Assignment("team", "signs", "uid", 1, HubAccess("http://hub", "m"), "", inputs=(Input("parent", path),))
    for assignment in (elsewhere, inputs):
        with pytest.raises(SettingsError, match="is not beneath /workspace"):
            AgentSettings.from_env(environment(assignment))


@pytest.mark.parametrize(
    ("auth", "file", "content", "header"),
    [
        ("token", "tokens/hub", "a-token\n", {"authorization": "Bearer a-token"}),
        ("key", "hub/api-key", f"{KEY}\n", {"x-api-key": KEY}),
        ("identifier", "hub/identifier", f"https://hub/models/{'m' * 20}?api_key={KEY}\n", {"x-api-key": KEY}),
        ("identifier", "hub/identifier", f"{KEY}_{'m' * 20}", {"x-api-key": KEY}),
    ],
)
async def test_the_credentials_come_from_the_file_that_the_assignment_means(
    tmp_path: Path, auth: str, file: str, content: str, header: dict[str, str]
) -> None:
    assignment = Assignment("team", "signs", "uid", 1, HubAccess("http://hub", "m", auth), "")  # type: ignore[arg-type]
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(content)
    credential = await AgentSettings(assignment, secrets=tmp_path).hub_credentials()()
    assert credential.headers() == header


@pytest.mark.parametrize("text", ["", "nonsense", "m" * 20, "https://hub/models/" + "m" * 20, "a b c"])
def test_an_identifier_without_a_key_gives_none(text: str) -> None:
    assert key_in(text) == ""
