"""The hub's settings."""

import dataclasses

import pytest

from hubtraining.hub.settings import PREFIX, HubSettings, RateLimit, SettingsError


def test_nothing_set_means_the_defaults() -> None:
    assert HubSettings.from_env({}) == HubSettings()
    assert HubSettings.from_env({f"{PREFIX}PUBLIC_URL": ""}) == HubSettings()


def test_every_field_can_be_set() -> None:
    environ = {
        "PUBLIC_URL": "https://hub.example/base/",
        "CLUSTER": "true",
        "CONTROLLER": "system/hubtraining-controller",
        "RATE_LIMIT": "100/60",
        **{field.name.upper(): "7" for field in dataclasses.fields(HubSettings) if isinstance(field.default, int)},
        "CLUSTER ": "ignored",
    }
    environ["CLUSTER"] = "true"
    made = HubSettings.from_env({PREFIX + name: value for name, value in environ.items()})
    assert made.public_url == "https://hub.example/base"
    assert made.cluster is True
    assert made.controller == "system/hubtraining-controller"
    assert made.rate_limit == RateLimit(100, 60)
    assert made.max_json_bytes == made.claim_seconds == 7


def test_no_rate_limit_is_a_rate_limit_of_zero() -> None:
    assert HubSettings.from_env({f"{PREFIX}RATE_LIMIT": "0"}).rate_limit.requests == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "hub.example"),
        ("PUBLIC_URL", "https://hub.example/?key=x"),
        ("CLUSTER", "yes"),
        ("CONTROLLER", "controller"),
        ("CONTROLLER", "a/b/c"),
        ("RATE_LIMIT", "100"),
        ("RATE_LIMIT", "100/0"),
        ("MAX_JSON_BYTES", "-1"),
        ("MAX_UPLOAD_BYTES", "1Gi"),
        ("LINK_SECONDS", "1.5"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        HubSettings.from_env({PREFIX + name: value})
    assert f"{PREFIX}{name} is {value!r}: " in str(caught.value)
    assert "allowed" in str(caught.value)


def test_one_error_names_all_that_is_wrong() -> None:
    with pytest.raises(SettingsError, match=r"CLUSTER.*LINK_SECONDS"):
        HubSettings.from_env({f"{PREFIX}CLUSTER": "x", f"{PREFIX}LINK_SECONDS": "x"})
