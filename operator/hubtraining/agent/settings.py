"""What ``agent`` and ``fetch`` are told from outside, read once."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from hubtraining import logs
from hubtraining.domain import identifiers, layout
from hubtraining.domain.layout import Assignment
from hubtraining.hub import credentials


class SettingsError(ValueError):
    """One sentence for each variable that is missing or cannot be read."""


class AgentSettings(msgspec.Struct, frozen=True):
    """The assignment, and where things lie. The folders are the layout's but for runs outside of a pod."""

    assignment: Assignment
    workspace: Path = Path(layout.WORKSPACE)
    journal: Path = Path(layout.JOURNAL)
    secrets: Path = Path(layout.SECRETS)
    termination_log: Path = Path(layout.TERMINATION_LOG)
    port: int = layout.AGENT_PORT
    log_level: str = "INFO"
    log_format: Literal["json", "plain"] = "json"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "AgentSettings":
        """Read HUBTRAINING_*; raises SettingsError that names every variable that is missing or wrong."""
        wrong: list[str] = []
        assignment = _assignment(environ, wrong)
        choices = _choices(environ, wrong)
        if wrong or assignment is None:
            raise SettingsError("; ".join(wrong))
        return cls(assignment, **_paths(environ), **choices)

    def inside(self, path: str) -> PurePosixPath:
        """A path of the layout, beneath the workspace. Raises ValueError for one that is not."""
        return PurePosixPath(path).relative_to(layout.WORKSPACE)

    def in_workspace(self, path: str) -> Path:
        """A path of the layout, where the workspace really lies."""
        return self.workspace / self.inside(path)

    def secret(self, path: str) -> Path:
        """The file of a token or key of the layout."""
        return self.secrets / PurePosixPath(path).relative_to(layout.SECRETS)

    def hub_credentials(self) -> credentials.Provider:
        """What to show to the hub; read again when its file changes."""
        auth = self.assignment.hub.auth
        if auth == "token":
            return credentials.from_file(self.secret(layout.TOKEN_HUB), "token")
        if auth == "identifier":
            return credentials.from_file(self.secret(layout.HUB_IDENTIFIER), "key", key_in)
        return credentials.from_file(self.secret(layout.HUB_KEY), "key")


def key_in(identifier: str) -> str:
    """The API key inside a model identifier; empty where there is none. Its site does not matter here."""
    text = identifier.strip()
    try:
        key = identifiers.parse(text, text.partition("/models/")[0]).api_key
    except identifiers.InvalidIdentifier:
        return ""
    return key.reveal() if key else ""


def _assignment(environ: Mapping[str, str], wrong: list[str]) -> Assignment | None:
    text = environ.get(layout.ENV_ASSIGNMENT, "")
    try:
        assignment = Assignment.from_json(text)
    except msgspec.DecodeError as error:
        wrong.append(f"{layout.ENV_ASSIGNMENT}: {error if text else 'not set; it holds the assignment as JSON'}")
        return None
    paths = [assignment.run_folder, *(wanted.path for wanted in assignment.inputs)]
    outside = [path for path in paths if not _is_inside(path)]
    wrong.extend(f"{layout.ENV_ASSIGNMENT}: {path} is not beneath {layout.WORKSPACE}" for path in outside)
    return assignment


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path)
    return parts.is_relative_to(layout.WORKSPACE) and ".." not in parts.parts and path != layout.WORKSPACE


def _paths(environ: Mapping[str, str]) -> dict[str, Any]:
    names = ("workspace", "journal", "secrets", "termination_log")
    given = {name: environ.get(f"HUBTRAINING_{name.upper()}", "") for name in names}
    return {name: Path(path) for name, path in given.items() if path}


def _choices(environ: Mapping[str, str], wrong: list[str]) -> dict[str, Any]:
    port = environ.get("HUBTRAINING_AGENT_PORT") or str(layout.AGENT_PORT)
    level = (environ.get("HUBTRAINING_LOG_LEVEL") or "INFO").upper()
    style = environ.get("HUBTRAINING_LOG_FORMAT") or "json"
    if not port.isdecimal() or int(port) > 65_535:
        wrong.append(f"HUBTRAINING_AGENT_PORT: {port!r} is no whole number from 0 to 65535")
    if level not in logs.LEVELS:
        wrong.append(f"HUBTRAINING_LOG_LEVEL: {level!r} is none of {', '.join(logs.LEVELS)}")
    if style not in logs.FORMATS:
        wrong.append(f"HUBTRAINING_LOG_FORMAT: {style!r} is none of {', '.join(logs.FORMATS)}")
    return {} if wrong else {"port": int(port), "log_level": level, "log_format": style}
