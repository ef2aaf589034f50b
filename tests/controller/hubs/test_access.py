"""Which hub, and with whose credentials: each refusal says what to do, and no key is ever in it."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from builders.session import a_spec
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.controller.cluster.errors import KubeNotFound, KubeRefused, KubeUnavailable
from hubtraining.controller.hubs.access import Access, NoAccess, access
from hubtraining.controller.settings import ControllerSettings
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Problem
from hubtraining.domain.session import parse

KEY = "0123456789abcdef0123456789abcdef0123456789"
MODEL = "Zk3n5Qw8Rt1Yb7Uc2Xm4"
OWN = "http://hub.system:8000"
FOREIGN = "https://hub.example"
REF = {"name": "hub-key", "key": "api-key"}
SETTINGS = ControllerSettings(
    namespace="system", image="i", hub_url=OWN, hub_web_url="https://own.example", hub_credential_file="/none"
)


class Secrets:
    """Secrets of namespace team-a; ``failure`` is raised instead."""

    def __init__(self, *, failure: Exception | None = None, **values: str | bytes) -> None:
        self.failure = failure
        self.values = {name: _coded(value) for name, value in values.items()}
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, namespace: str, name: str) -> Mapping[str, str]:
        self.asked.append((namespace, name))
        if self.failure:
            raise self.failure
        if name != "hub-key":
            raise KubeNotFound(f'secrets "{name}" not found')
        return {name.replace("_", "-"): value for name, value in self.values.items()}


def _coded(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


async def way(secrets: Secrets | None = None, settings: ControllerSettings = SETTINGS, **stanzas: Any) -> Access:
    return await access("team-a", parse(a_spec(**stanzas)), settings, secrets or Secrets())


async def refusal(secrets: Secrets | None = None, settings: ControllerSettings = SETTINGS, **stanzas: Any) -> Problem:
    with pytest.raises(NoAccess) as refused:
        await way(secrets, settings, **stanzas)
    assert KEY not in refused.value.problem.message
    return refused.value.problem


async def key_of(found: Access) -> tuple[str, str]:
    credential = await found.provider()
    return credential.scheme, credential.secret.reveal()


async def test_without_a_word_it_is_the_operators_own_hub(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("the-token\n")
    settings = ControllerSettings(
        namespace="s", image="i", hub_url=OWN, hub_web_url="https://own.example", hub_credential_file=str(file)
    )
    found = await way(settings=settings)
    assert (found.url, found.web_url, found.own, found.ca_bundle) == (OWN, "https://own.example", True, "")
    assert await key_of(found) == ("token", "the-token")
    assert found.whose == "the operator's own credentials"


async def test_a_foreign_hub_is_asked_with_the_sessions_own_key() -> None:
    secrets = Secrets(api_key=f"{KEY}\n")
    found = await way(secrets, hub={"url": f"{FOREIGN}/", "credentialsSecretRef": REF})
    assert (found.url, found.web_url, found.own) == (FOREIGN, "https://hub.ultralytics.com", False)
    assert await key_of(found) == ("key", KEY)
    assert found.whose == "the key in the Secret hub-key (key api-key)"
    assert secrets.asked == [("team-a", "hub-key")]


async def test_a_key_of_the_session_is_used_for_the_own_hub_too() -> None:
    found = await way(Secrets(api_key=KEY), hub={"credentialsSecretRef": REF})
    assert (found.own, await key_of(found)) == (True, ("key", KEY))


async def test_a_key_inside_the_identifier_comes_first() -> None:
    secrets = Secrets(api_key=f"{KEY}_{MODEL}")
    found = await way(secrets, model=None, modelFrom={"secretKeyRef": REF}, hub={"url": FOREIGN})
    assert (found.identifier.model_id, await key_of(found)) == (MODEL, ("key", KEY))
    assert found.whose == "the key in the model identifier"


async def test_the_identifiers_links_are_those_of_the_hubs_web_page() -> None:
    secrets = Secrets(api_key=KEY)
    hub = {"url": FOREIGN, "webURL": "https://people.example/", "credentialsSecretRef": REF}
    assert (await way(secrets, model=f"https://people.example/models/{MODEL}", hub=hub)).identifier.model_id == MODEL
    problem = await refusal(secrets, model=f"https://other.example/models/{MODEL}", hub=hub)
    assert (problem.reason, problem.retry_seconds) == (Reason.INVALID_SPEC, None)
    assert problem.message.startswith("spec.model: model identifier [redacted]")


async def test_an_operator_without_a_hub_needs_one_named() -> None:
    problem = await refusal(settings=ControllerSettings(namespace="s", image="i"))
    assert problem.reason is Reason.NO_HUB
    assert "spec.hub.url" in problem.message


async def test_a_missing_secret_is_named_with_the_command_that_makes_it() -> None:
    problem = await refusal(hub={"url": FOREIGN, "credentialsSecretRef": {"name": "other", "key": "api-key"}})
    assert (problem.reason, problem.retry_seconds) == (Reason.SECRET_NOT_FOUND, 15.0)
    assert problem.message == (
        "spec.hub.credentialsSecretRef: the Secret other does not exist. "
        "Make it with `kubectl -n team-a create secret generic other --from-literal=api-key=…`."
    )


async def test_a_secret_without_the_key_says_which_is_missing() -> None:
    problem = await refusal(Secrets(other=KEY), hub={"url": FOREIGN, "credentialsSecretRef": REF})
    assert "the Secret hub-key has no key api-key" in problem.message


async def test_a_secret_that_holds_no_text_is_as_good_as_missing() -> None:
    problem = await refusal(Secrets(api_key=b"\xff\xfe"), hub={"url": FOREIGN, "credentialsSecretRef": REF})
    assert "holds no text in api-key" in problem.message


async def test_an_empty_secret_is_named_before_a_hub_is_asked_with_it() -> None:
    problem = await refusal(Secrets(api_key="\n"), hub={"url": FOREIGN, "credentialsSecretRef": REF})
    assert problem.reason is Reason.SECRET_NOT_FOUND
    assert "holds no text in api-key" in problem.message


async def test_a_secret_that_we_may_not_read_says_so() -> None:
    forbidden = Secrets(failure=KubeRefused("secrets is forbidden"))
    problem = await refusal(forbidden, hub={"url": FOREIGN, "credentialsSecretRef": REF})
    assert problem.message == (
        "spec.hub.credentialsSecretRef: the controller may not read the Secret hub-key: secrets is forbidden"
    )
    assert problem.retry_seconds == 15.0


async def test_a_wrong_identifier_in_a_secret_names_the_secret_and_is_looked_at_again() -> None:
    problem = await refusal(Secrets(api_key="nonsense"), model=None, modelFrom={"secretKeyRef": REF})
    assert problem.message.startswith("The Secret hub-key (key api-key): model identifier [redacted]")
    assert problem.retry_seconds == 15.0


async def test_a_foreign_hub_never_gets_the_operators_credentials() -> None:
    bare = Secrets(api_key=MODEL)
    problem = await refusal(bare, model=None, modelFrom={"secretKeyRef": REF}, hub={"url": FOREIGN})
    assert problem.reason is Reason.SECRET_NOT_FOUND
    assert "spec.hub.credentialsSecretRef" in problem.message


async def test_an_identifier_that_lacks_its_key_is_looked_at_again() -> None:
    """Both stand in one Secret, so mending it is no change of the session that would wake it."""
    bare = Secrets(api_key=MODEL)
    problem = await refusal(bare, model=None, modelFrom={"secretKeyRef": REF}, hub={"url": FOREIGN})
    assert problem.retry_seconds == 15.0


async def test_an_api_server_that_does_not_answer_is_not_the_sessions_fault() -> None:
    with pytest.raises(KubeUnavailable):
        await way(Secrets(failure=KubeUnavailable("away")), hub={"url": FOREIGN, "credentialsSecretRef": REF})


@given(st.binary(max_size=60))
async def test_any_bytes_in_a_secret_are_an_identifier_or_refused_without_showing_them(raw: bytes) -> None:
    shown = ""
    try:
        await way(Secrets(api_key=raw), model=None, modelFrom={"secretKeyRef": REF})
    except NoAccess as error:
        shown = error.problem.message
    assert len(raw) < 20 or raw.decode(errors="replace") not in shown
