"""``hubtraining manifests``: what a session would become, without any cluster."""

from collections.abc import Mapping
from typing import Any

from hubtraining import __version__
from hubtraining.controller import manifests
from hubtraining.controller.settings import ControllerSettings, SettingsError
from hubtraining.domain import identifiers
from hubtraining.domain.arguments import InvalidArguments, NoPlan, Plan, create_payload, plan
from hubtraining.domain.identifiers import Identifier, IdentifierKind
from hubtraining.domain.invalid import InvalidSpec
from hubtraining.domain.names import API_VERSION, KIND
from hubtraining.domain.session import Session, SessionSpec, parse
from hubtraining.hub import wire
from hubtraining.people import documents, naming
from hubtraining.people.errors import PeopleError

MODEL_ID = "assumedmodelassumedm"
UID = "00000000-0000-4000-8000-000000000000"
ARCHITECTURE = "yolo11n.yaml"
NAMESPACE = "default"
SETTINGS: Mapping[str, str] = {
    "HUBTRAINING_NAMESPACE": "hubtraining-system",
    "HUBTRAINING_IMAGE": f"localhost/hubtraining:{__version__}",
    "HUBTRAINING_HUB_URL": "http://hubtraining-hub.hubtraining-system.svc:8000",
    "HUBTRAINING_REPORTS_URL": "http://hubtraining-controller-reports.hubtraining-system.svc:8081/v1/reports",
}
"""A controller's, as the chart installs it under its own name; the environment may say otherwise."""


def settings(environ: Mapping[str, str]) -> ControllerSettings:
    """The operator's settings. Raises PeopleError where the environment names some that it could not start with."""
    try:
        return ControllerSettings.from_env({**SETTINGS, **environ})
    except SettingsError as error:
        raise PeopleError(str(error)) from None


def rendered(body: Mapping[str, Any], settings: ControllerSettings, number: int, namespace: str) -> str:
    """The objects of an attempt as YAML; the same session gives the same text. Raises PeopleError, InvalidSpec."""
    session = _session(body, namespace)
    spec = parse(session.spec)
    identifier = _identifier(spec, settings)
    model = _assumed(identifier)
    planned = _planned(model, spec, identifier)
    access = manifests.hub_access(spec, settings, model.id, key_in_identifier=spec.model_from is not None)
    if not access.url:
        raise PeopleError("spec.hub.url is empty, and no operator's hub is named: use --hub-url")
    attempt = manifests.Attempt(session, spec, number, planned, access, settings)
    return documents.written(_objects(attempt), _comment(session, number, identifier, spec))


def _objects(attempt: manifests.Attempt) -> list[manifests.Manifest]:
    """In the order in which the controller creates them."""
    spec = attempt.spec
    claims = [manifests.claim(attempt)] if spec.workspace.claim_template else []
    services = [manifests.service(attempt)] if spec.nodes > 1 else []
    return [*claims, *services, *(manifests.pod(attempt, index) for index in range(spec.nodes))]


def _session(body: Mapping[str, Any], namespace: str) -> Session:
    if (body.get("apiVersion"), body.get("kind")) != (API_VERSION, KIND):
        given = f"a {body['kind']} of {body.get('apiVersion')}" if "kind" in body else "something without a kind"
        raise PeopleError(f"this is {given}; a {KIND} of {API_VERSION} is needed")
    metadata = body.get("metadata") or {}
    naming.check(str(metadata.get("name") or ""))
    assumed = {"namespace": namespace or metadata.get("namespace") or NAMESPACE, "uid": UID}
    return Session.from_body({**body, "metadata": {**metadata, **assumed}})


def _identifier(spec: SessionSpec, settings: ControllerSettings) -> Identifier:
    if spec.model_from is not None:
        return Identifier(IdentifierKind.MODEL, MODEL_ID)
    own = bool(settings.hub_url) and spec.hub.url.rstrip("/") in ("", settings.hub_url)
    web_url = spec.hub.web_url or (settings.hub_web_url if own else identifiers.WEB_URL)
    try:
        return identifiers.parse(spec.model, web_url)
    except identifiers.InvalidIdentifier as error:
        raise InvalidSpec("spec.model", f"cannot be used: {error}") from None


def _assumed(identifier: Identifier) -> wire.Model:
    """A new model; where the hub had it before, one that names an architecture and leaves the rest to the session."""
    return wire.Model(id=identifier.model_id or MODEL_ID, cfg=None if identifier.file else ARCHITECTURE)


def _planned(model: wire.Model, spec: SessionSpec, identifier: Identifier) -> Plan:
    try:
        if identifier.file:
            create_payload(identifier, spec.train.args, UID)
        return plan(model, spec.train.args, identifier, "the hub")
    except InvalidArguments as error:
        raise InvalidSpec.whole(str(error)) from None
    except NoPlan:
        raise PeopleError(
            "spec.train.args.data is missing: the hub may know the data set of its model, but no hub is asked here"
        ) from None


def _comment(session: Session, number: int, identifier: Identifier, spec: SessionSpec) -> str:
    known = "from a Secret" if spec.model_from else identifier.model_id
    answer = (
        f"that the hub creates model {MODEL_ID} for {identifier.file}, and keeps neither weights nor a data set for it"
        if identifier.file
        else f"that the hub has model {known}, untrained, with architecture {ARCHITECTURE} and no data set of its own"
    )
    whose = f"attempt {number} of session {session.namespace}/{session.name}"
    return f"What {whose} becomes.\nAssumed: {answer}; that the session's UID is {UID}."
