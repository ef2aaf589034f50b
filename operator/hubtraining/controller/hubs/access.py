"""Which hub a session uses and with whose credentials: the identifier's, its Secret's, or the operator's own."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from hubtraining.controller.cluster.errors import KubeNotFound, KubeRefused
from hubtraining.controller.settings import ControllerSettings
from hubtraining.controller.values.reasons import Reason
from hubtraining.controller.values.world import Problem
from hubtraining.domain.identifiers import WEB_URL, Identifier, InvalidIdentifier, parse
from hubtraining.domain.secret import Secret
from hubtraining.domain.session import SecretKeyRef, SessionSpec
from hubtraining.hub.credentials import Provider, fixed, from_file

SECRET_SECONDS = 15.0
"""Between two looks for a Secret that is missing."""

GetSecret = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""Namespace and name to the Secret's values in base64."""


class NoAccess(Exception):
    """There is no way to the hub; ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Access(msgspec.Struct, frozen=True):
    """The way to one session's hub."""

    url: str
    web_url: str
    own: bool
    """Whether it is the operator's own hub."""
    identifier: Identifier
    provider: Provider
    whose: str
    """Whose credentials these are, for messages."""
    ca_bundle: str = ""


async def access(namespace: str, spec: SessionSpec, settings: ControllerSettings, get: GetSecret) -> Access:
    """The session's way to its hub. Raises NoAccess, and KubeUnavailable."""
    own = settings.is_own_hub(spec.hub.url)
    url = settings.hub_url if own else spec.hub.url.rstrip("/")
    if not url:
        raise NoAccess(Problem(Reason.NO_HUB, "spec.hub.url is empty, and the operator has no hub of its own: set it."))
    web_url = (spec.hub.web_url or (settings.hub_web_url if own else WEB_URL)).rstrip("/")
    identifier = await _identifier(namespace, spec, web_url, get)
    provider, whose = await _credentials(namespace, spec, settings, identifier, get, own=own)
    return Access(url, web_url, own, identifier, provider, whose, spec.hub.ca_bundle)


async def _identifier(namespace: str, spec: SessionSpec, web_url: str, get: GetSecret) -> Identifier:
    ref = spec.model_from.secret_key_ref if spec.model_from else None
    text = spec.model if ref is None else (await _secret(namespace, ref, "spec.modelFrom", get)).reveal()
    try:
        return parse(text, web_url)
    except InvalidIdentifier as error:
        field = "spec.model" if ref is None else f"The Secret {ref.name} (key {ref.key})"
        raise NoAccess(Problem(Reason.INVALID_SPEC, f"{field}: {error}", SECRET_SECONDS if ref else None)) from None


async def _credentials(
    namespace: str,
    spec: SessionSpec,
    settings: ControllerSettings,
    identifier: Identifier,
    get: GetSecret,
    *,
    own: bool,
) -> tuple[Provider, str]:
    if identifier.api_key is not None:
        return fixed(identifier.api_key.reveal()), "the key in the model identifier"
    ref = spec.hub.credentials_secret_ref
    if ref is not None:
        key = await _secret(namespace, ref, "spec.hub.credentialsSecretRef", get)
        return fixed(key.reveal()), f"the key in the Secret {ref.name} (key {ref.key})"
    if not own:
        message = (
            "spec.hub.url is not the operator's own hub, and the identifier in spec.modelFrom's Secret holds no key: "
            "put one into it, or name a Secret with the key in spec.hub.credentialsSecretRef of a new session."
        )
        raise NoAccess(Problem(Reason.SECRET_NOT_FOUND, message, SECRET_SECONDS))
    return from_file(settings.hub_credential_file, settings.hub_auth), "the operator's own credentials"


async def _secret(namespace: str, ref: SecretKeyRef, field: str, get: GetSecret) -> Secret:
    try:
        values = await get(namespace, ref.name)
    except KubeNotFound:
        raise NoAccess(_missing(namespace, ref, field, f"the Secret {ref.name} does not exist")) from None
    except KubeRefused as error:
        why = f"the controller may not read the Secret {ref.name}: {error}"
        raise NoAccess(Problem(Reason.SECRET_NOT_FOUND, f"{field}: {why}", SECRET_SECONDS)) from None
    if ref.key not in values:
        raise NoAccess(_missing(namespace, ref, field, f"the Secret {ref.name} has no key {ref.key}"))
    secret = _text(values[ref.key])
    if not secret:
        raise NoAccess(_missing(namespace, ref, field, f"the Secret {ref.name} holds no text in {ref.key}"))
    return secret


def _text(value: str) -> Secret:
    try:
        return Secret(base64.b64decode(value).decode().strip())
    except (binascii.Error, UnicodeDecodeError):
        return Secret("")


def _missing(namespace: str, ref: SecretKeyRef, field: str, what: str) -> Problem:
    command = f"kubectl -n {namespace} create secret generic {ref.name} --from-literal={ref.key}=…"
    return Problem(Reason.SECRET_NOT_FOUND, f"{field}: {what}. Make it with `{command}`.", SECRET_SECONDS)
