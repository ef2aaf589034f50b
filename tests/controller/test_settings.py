"""The controller's settings: everything from the environment, and every mistake named at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.settings import ControllerSettings, SettingsError
from hubtraining.domain import layout

LEAST = {"HUBTRAINING_NAMESPACE": "hubtraining-system", "HUBTRAINING_IMAGE": "example/hubtraining:1"}
WHOLE = {
    "HUBTRAINING_NAMESPACES": "team-a, team-b,",
    "HUBTRAINING_NAMESPACE": "system",
    "HUBTRAINING_IMAGE": "example/hubtraining:1",
    "HUBTRAINING_IMAGE_PULL_POLICY": "Never",
    "HUBTRAINING_AGENT_RESOURCES": '{"limits": {"memory": "64Mi"}}',
    "HUBTRAINING_HUB_URL": "http://hub:8000/",
    "HUBTRAINING_HUB_WEB_URL": "https://hub.example/",
    "HUBTRAINING_HUB_AUTH": "key",
    "HUBTRAINING_HUB_CREDENTIAL_FILE": "/keys/hub",
    "HUBTRAINING_REPORTS_URL": "http://controller:8081/v1/reports",
    "HUBTRAINING_REPORTS_PORT": "9001",
    "HUBTRAINING_METRICS_PORT": "0",
    "HUBTRAINING_WORKERS": "4",
    "HUBTRAINING_LOG_LEVEL": "debug",
    "HUBTRAINING_LOG_FORMAT": "plain",
}


def mistakes(**environ: str) -> str:
    given = {f"HUBTRAINING_{name}": value for name, value in environ.items()}
    with pytest.raises(SettingsError) as error:
        ControllerSettings.from_env({**LEAST, **given})
    return str(error.value)


def test_two_variables_are_enough() -> None:
    settings = ControllerSettings.from_env(LEAST)
    assert settings == ControllerSettings(
        namespace="hubtraining-system", image="example/hubtraining:1", hub_credential_file=layout.TOKEN_HUB
    )


def test_every_variable_is_read() -> None:
    assert ControllerSettings.from_env(WHOLE) == ControllerSettings(
        namespaces=("team-a", "team-b"),
        namespace="system",
        image="example/hubtraining:1",
        image_pull_policy="Never",
        agent_resources={"limits": {"memory": "64Mi"}},
        hub_url="http://hub:8000",
        hub_web_url="https://hub.example",
        hub_auth="key",
        hub_credential_file="/keys/hub",
        reports_url="http://controller:8081/v1/reports",
        reports_port=9001,
        metrics_port=0,
        workers=4,
        log_level="DEBUG",
        log_format="plain",
    )


def test_what_follows_from_other_variables_follows() -> None:
    settings = ControllerSettings.from_env(
        {**LEAST, "HUBTRAINING_HUB_URL": "http://hub", "HUBTRAINING_HUB_AUTH": "key"}
    )
    assert settings.hub_web_url == "http://hub"
    assert settings.hub_credential_file == layout.HUB_KEY


def test_an_empty_variable_is_an_unset_one() -> None:
    empty = dict.fromkeys(WHOLE, "") | LEAST
    assert ControllerSettings.from_env(empty) == ControllerSettings.from_env(LEAST)


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        ControllerSettings.from_env({})
    assert str(error.value) == "HUBTRAINING_NAMESPACE must be set; HUBTRAINING_IMAGE must be set"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("IMAGE_PULL_POLICY", "sometimes", "one of Always, IfNotPresent, Never"),
        ("AGENT_RESOURCES", "[]", 'a JSON object such as {"limits": {"memory": "64Mi"}}'),
        ("AGENT_RESOURCES", "{", 'a JSON object such as {"limits": {"memory": "64Mi"}}'),
        ("HUB_URL", "hub:8000", "a URL that begins with http:// or https://"),
        ("HUB_AUTH", "password", "one of token, key"),
        ("REPORTS_PORT", "65536", "a whole number from 0 to 65535"),
        ("METRICS_PORT", "-1", "a whole number from 0 to 65535"),
        ("WORKERS", "0", "a whole number from 1 to 256"),
        ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
        ("LOG_FORMAT", "xml", "one of json, plain"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    assert mistakes(**{name: value}) == f"HUBTRAINING_{name} is {value!r}, but must be {allowed}"


def test_several_mistakes_are_one_error() -> None:
    told = mistakes(WORKERS="many", LOG_FORMAT="xml")
    assert told.count("HUBTRAINING_") == 2
    assert "; " in told


@given(st.sampled_from(sorted(WHOLE)), st.text())
def test_any_value_is_read_or_named(name: str, value: str) -> None:
    refused = ""
    try:
        ControllerSettings.from_env({**LEAST, name: value})
    except SettingsError as error:
        refused = str(error)
    assert refused == "" or name in refused


OWN = "https://own.example/api"


@pytest.mark.parametrize(
    ("url", "own"),
    [("", True), (OWN, True), (f"{OWN}/", True), (f"{OWN}.evil.example", False), (f"{OWN}/path", False)],
)
def test_only_the_very_address_is_the_operators_own_hub(url: str, own: bool) -> None:
    assert ControllerSettings(namespace="s", image="i", hub_url=OWN).is_own_hub(url) is own


def test_without_a_hub_of_the_operator_none_is_its_own() -> None:
    assert not ControllerSettings(namespace="s", image="i").is_own_hub("")
