"""The hub's settings, read once from the environment."""

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

PREFIX = "HUBTRAINING_HUB_"


class SettingsError(Exception):
    """One sentence for each variable that cannot be used."""


@dataclass(frozen=True)
class RateLimit:
    """``requests`` per ``seconds`` for each caller; 0 requests means no limit."""

    requests: int = 0
    seconds: int = 60


@dataclass(frozen=True)
class HubSettings:
    """Each field is the variable ``HUBTRAINING_HUB_<FIELD>``."""

    public_url: str = ""
    """Root of the links it hands out; empty means the root that the request came to."""
    cluster: bool = False
    """Accept projected service-account tokens, checked by the API server of the cluster it runs in."""
    controller: str = ""
    """``namespace/name`` of the service account that acts for every session."""
    rate_limit: RateLimit = RateLimit(60_000, 60)
    """``<requests>/<seconds>`` for each caller; 0 means no limit."""
    max_json_bytes: int = 8 << 20
    max_upload_bytes: int = 16 << 30
    """Of one checkpoint, or of start weights."""
    max_dataset_bytes: int = 256 << 30
    min_free_bytes: int = 256 << 20
    """Uploads leave so much of the disk free, so that metrics can still be written."""
    body_seconds: int = 60
    """A request must go on arriving within this time."""
    link_seconds: int = 21_600
    """Download links are good for at least so long."""
    claim_seconds: int = 900
    """A session that was silent for so long no longer keeps other sessions from writing its model."""
    token_cache_seconds: int = 300
    """How long a checked token is trusted without asking again; never beyond its own end."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "HubSettings":
        """Read what is set; raises SettingsError with all that is wrong."""
        values: dict[str, Any] = {}
        wrong = []
        for field in fields(cls):
            text = environ.get(f"{PREFIX}{field.name.upper()}", "")
            try:
                values[field.name] = _reader(field)(text) if text else field.default
            except ValueError as error:
                wrong.append(f"{PREFIX}{field.name.upper()} is {text!r}: {error}")
        if wrong:
            raise SettingsError("; ".join(wrong))
        return cls(**values)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("true or false is allowed")
    return text.lower() == "true"


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError("a whole number is allowed")
    return int(text)


def _rate_limit(text: str) -> RateLimit:
    if text == "0":
        return RateLimit(0)
    found = re.fullmatch(r"([0-9]{1,9})/([1-9][0-9]{0,8})", text)
    if not found:
        raise ValueError("<requests>/<seconds> or 0 is allowed")
    return RateLimit(int(found[1]), int(found[2]))


def _account(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9.-]+", text):
        raise ValueError("<namespace>/<service account> is allowed")
    return text


def _root(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", text):
        raise ValueError("a URL that begins with http:// or https:// is allowed")
    return text.rstrip("/")


BY_NAME: dict[str, Callable[[str], Any]] = {"controller": _account, "public_url": _root}
BY_TYPE: dict[type, Callable[[str], Any]] = {bool: _boolean, int: _count, RateLimit: _rate_limit}


def _reader(field: "Field[Any]") -> Callable[[str], Any]:
    return BY_NAME.get(field.name) or BY_TYPE[type(field.default)]
