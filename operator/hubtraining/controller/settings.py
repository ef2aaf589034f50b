"""The controller's settings, read once from the environment."""

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Literal, TypeVar

import msgspec

from hubtraining import logs
from hubtraining.controller.leading.lease import Terms
from hubtraining.domain import layout

Value = TypeVar("Value")


class SettingsError(ValueError):
    """One sentence for each variable that is missing or cannot be read."""


class ControllerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the controller is told from outside."""

    namespaces: tuple[str, ...] = ()
    """Whose sessions are ours; empty means all."""
    namespace: str
    """Where the controller itself runs."""
    image: str
    """Of agent and fetch, unless a session says otherwise."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    agent_resources: dict[str, Any] = {}
    hub_url: str = ""
    """API root of the operator's own hub; empty means that each session must name one."""
    hub_web_url: str = ""
    """The root that people open in a browser; defaults to ``hub_url``."""
    hub_auth: Literal["token", "key"] = "token"
    """How the controller and the agents speak to the operator's own hub."""
    hub_credential_file: str = ""
    """The file of that token or key; defaults to where the chart mounts it."""
    reports_url: str = ""
    """Where agents post their reports (full URL); empty means that nobody is told to."""
    reports_port: int = 8081
    reports_service: str = ""
    """The Service behind that URL, which the leader leads to itself; empty means that somebody else does."""
    metrics_port: int = 8080
    pod_name: str = ""
    """Of this very process; empty outside a cluster."""
    pod_ip: str = ""
    lease_name: str = "hubtraining-controller"
    """Of the lease, in ``namespace``, by which all controllers of one installation agree on a leader."""
    lease_seconds: int = 15
    lease_renew_seconds: int = 10
    lease_retry_seconds: int = 2
    workers: int = 16
    log_level: str = "INFO"
    log_format: Literal["json", "plain"] = "json"

    def is_own_hub(self, url: str) -> bool:
        """Whether a session's ``spec.hub.url``, which may be empty, means the operator's own hub."""
        return bool(self.hub_url) and url.rstrip("/") in ("", self.hub_url)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ControllerSettings":
        """Read ``HUBTRAINING_*``; raises SettingsError that names every variable that is missing or wrong."""
        reader = _Reader(environ)
        values = {field: reader.read(name, parse) for field, (name, parse) in _VARIABLES.items()}
        given = {field: value for field, value in values.items() if value is not None}
        reader.require(field for field in ("namespace", "image") if field not in given)
        reader.check()
        given.setdefault("hub_web_url", given.get("hub_url", ""))
        given.setdefault("hub_credential_file", _CREDENTIALS[given.get("hub_auth", "token")])
        settings = cls(**given)
        if problem := settings.terms.problem():
            raise SettingsError(f"HUBTRAINING_LEASE_*: {problem}")
        return settings

    @property
    def terms(self) -> Terms:
        """Of the lease."""
        return Terms(self.lease_seconds, self.lease_renew_seconds, self.lease_retry_seconds)


def _text(text: str) -> str:
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _root(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("a URL that begins with http:// or https://")
    return text.rstrip("/")


def _port(text: str) -> int:
    return _number(text, 0, 65535)


def _workers(text: str) -> int:
    return _number(text, 1, 256)


def _seconds(text: str) -> int:
    return _number(text, 1, 3600)


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("an IP address") from None


def _number(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ValueError(f"a whole number from {least} to {most}")
    return int(text)


def _resources(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ValueError("a JSON object such as {\"limits\": {\"memory\": \"64Mi\"}}")  # fmt: skip
    return value


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return text

    return parse


def _level(text: str) -> str:
    return _one_of(*logs.LEVELS)(text.upper())


_CREDENTIALS = {"token": layout.TOKEN_HUB, "key": layout.HUB_KEY}
_VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "namespaces": ("HUBTRAINING_NAMESPACES", _names),
    "namespace": ("HUBTRAINING_NAMESPACE", _text),
    "image": ("HUBTRAINING_IMAGE", _text),
    "image_pull_policy": ("HUBTRAINING_IMAGE_PULL_POLICY", _one_of("Always", "IfNotPresent", "Never")),
    "agent_resources": ("HUBTRAINING_AGENT_RESOURCES", _resources),
    "hub_url": ("HUBTRAINING_HUB_URL", _root),
    "hub_web_url": ("HUBTRAINING_HUB_WEB_URL", _root),
    "hub_auth": ("HUBTRAINING_HUB_AUTH", _one_of("token", "key")),
    "hub_credential_file": ("HUBTRAINING_HUB_CREDENTIAL_FILE", _text),
    "reports_url": ("HUBTRAINING_REPORTS_URL", _root),
    "reports_port": ("HUBTRAINING_REPORTS_PORT", _port),
    "reports_service": ("HUBTRAINING_REPORTS_SERVICE", _text),
    "metrics_port": ("HUBTRAINING_METRICS_PORT", _port),
    "pod_name": ("HUBTRAINING_POD_NAME", _text),
    "pod_ip": ("HUBTRAINING_POD_IP", _address),
    "lease_name": ("HUBTRAINING_LEASE_NAME", _text),
    "lease_seconds": ("HUBTRAINING_LEASE_SECONDS", _seconds),
    "lease_renew_seconds": ("HUBTRAINING_LEASE_RENEW_SECONDS", _seconds),
    "lease_retry_seconds": ("HUBTRAINING_LEASE_RETRY_SECONDS", _seconds),
    "workers": ("HUBTRAINING_WORKERS", _workers),
    "log_level": ("HUBTRAINING_LOG_LEVEL", _level),
    "log_format": ("HUBTRAINING_LOG_FORMAT", _one_of(*logs.FORMATS)),
}


class _Reader:
    """Reads variables and remembers what was wrong, so that one error can name everything."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []

    def read(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        """The parsed value; None when it is unset, empty or wrong."""
        text = self._environ.get(name, "")
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self._problems.append(f"{name} is {text!r}, but must be {error}")
            return None

    def require(self, fields: Any) -> None:
        """Note each of these fields as missing, unless it was given and wrong."""
        names = (_VARIABLES[field][0] for field in fields)
        self._problems += [f"{name} must be set" for name in names if not self._environ.get(name)]

    def check(self) -> None:
        """Raise what was found."""
        if self._problems:
            raise SettingsError("; ".join(self._problems))
