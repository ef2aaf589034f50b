"""What a spec must hold to beyond its types: the CRD's rules once more, for specs that no API server has seen.

Each rule is a pure function that raises InvalidSpec; :func:`check` runs them in order.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from hubtraining.domain import arguments, attempt_rules, identifiers, template_rules
from hubtraining.domain.invalid import InlineApiKey, InvalidSpec
from hubtraining.domain.limits import MOST_SECONDS, within
from hubtraining.domain.quantities import is_positive, is_quantity
from hubtraining.domain.spec import ClaimTemplate, SessionSpec

Rule = Callable[[SessionSpec], None]

OUR_ENV = "HUBTRAINING_"
"""Prefix of the trainer's variables that are ours."""

_ROOT = re.compile(r"https?://[^@/?#\s]+(/[^@?#\s]*)?")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def check(spec: SessionSpec) -> None:
    """Raise InvalidSpec for the first rule that is broken; for a key written into ``model``, InlineApiKey."""
    for rule in RULES:
        rule(spec)


def _one_model(spec: SessionSpec) -> None:
    if bool(spec.model) == (spec.model_from is not None):
        given = "both are" if spec.model else "neither is"
        raise InvalidSpec("spec", f"must have exactly one of model and modelFrom; {given} given")


def _no_inline_key(spec: SessionSpec) -> None:
    if identifiers.holds_key(spec.model):
        raise InlineApiKey
    if len(spec.model) > identifiers.MAX_LENGTH:
        raise InvalidSpec(
            "spec.model", f"has {len(spec.model)} characters; at most {identifiers.MAX_LENGTH} are allowed"
        )


def _secret_refs(spec: SessionSpec) -> None:
    refs = {
        "spec.modelFrom.secretKeyRef": spec.model_from.secret_key_ref if spec.model_from else None,
        "spec.hub.credentialsSecretRef": spec.hub.credentials_secret_ref,
    }
    for field, ref in refs.items():
        if ref is not None and not (ref.name and ref.key):
            raise InvalidSpec(field, "must have a name and a key")


def _hub(spec: SessionSpec) -> None:
    for field, url in {"spec.hub.url": spec.hub.url, "spec.hub.webURL": spec.hub.web_url}.items():
        if url and not _ROOT.fullmatch(url):
            raise InvalidSpec(field, "must be an http:// or https:// root without user, password, query and fragment")
    if spec.hub.url and spec.hub.credentials_secret_ref is None and spec.model_from is None:
        raise InvalidSpec(
            "spec.hub.url",
            "needs spec.hub.credentialsSecretRef, or spec.modelFrom with an identifier that holds the key: "
            "the operator's own credentials go to its own hub only",
        )
    if spec.hub.ca_bundle and "-----BEGIN CERTIFICATE-----" not in spec.hub.ca_bundle:
        raise InvalidSpec("spec.hub.caBundle", "must hold certificates in PEM")


def _train(spec: SessionSpec) -> None:
    try:
        arguments.validate(spec.train.args)
    except arguments.InvalidArguments as error:
        raise InvalidSpec.whole(str(error)) from None


def _trainer(spec: SessionSpec) -> None:
    trainer = spec.trainer
    if not trainer.image:
        raise InvalidSpec("spec.trainer.image", "is empty; the name of an image is needed")
    if trainer.args and not trainer.command:
        raise InvalidSpec(
            "spec.trainer.args",
            "needs spec.trainer.command: without a command, `yolo train` is started with spec.train.args",
        )
    _env(trainer.env)
    _resources("spec.trainer.resources", trainer.resources)
    _quantity("spec.trainer.shmSize", trainer.shm_size)


def _env(env: Collection[Mapping[str, Any]]) -> None:
    names = [str(variable.get("name", "")) for variable in env]
    for name in names:
        if not _ENV_NAME.fullmatch(name):
            raise InvalidSpec("spec.trainer.env", f"has the name {name!r}; letters, digits, _, . and - are allowed")
        if name.startswith(OUR_ENV):
            raise InvalidSpec("spec.trainer.env", f"has the name {name}; names that begin with {OUR_ENV} are ours")
    if len(set(names)) != len(names):
        raise InvalidSpec("spec.trainer.env", "names a variable twice")
    both = next((variable["name"] for variable in env if "value" in variable and "valueFrom" in variable), None)
    if both is not None:
        raise InvalidSpec("spec.trainer.env", f"has value and valueFrom for {both}; one of them is allowed")


def _agent(spec: SessionSpec) -> None:
    _resources("spec.agent.resources", spec.agent.resources)
    _seconds("spec.agent.metricsSeconds", spec.agent.metrics_seconds)
    _seconds("spec.agent.checkpointSeconds", spec.agent.checkpoint_seconds)
    _seconds("spec.agent.heartbeatSeconds", spec.agent.heartbeat_seconds)


def _workspace(spec: SessionSpec) -> None:
    workspace = spec.workspace
    if sum(map(bool, (workspace.size_limit, workspace.claim_name, workspace.claim_template))) > 1:
        raise InvalidSpec("spec.workspace", "must have at most one of sizeLimit, claimName and claimTemplate")
    if workspace.size_limit:
        _quantity("spec.workspace.sizeLimit", workspace.size_limit)
    if workspace.claim_template is not None:
        _claim(workspace.claim_template)


def _claim(template: ClaimTemplate) -> None:
    field = "spec.workspace.claimTemplate"
    for keys in (template.metadata.labels, template.metadata.annotations):
        template_rules.check_keys(f"{field}.metadata", keys)
    if not template.spec.access_modes:
        raise InvalidSpec(f"{field}.spec.accessModes", "is empty; ReadWriteOnce or ReadWriteMany is needed")
    _resources(f"{field}.spec.resources", template.spec.resources)
    if "storage" not in (template.spec.resources.get("requests") or {}):
        raise InvalidSpec(f"{field}.spec.resources.requests", "must say how much storage is needed")


def _template(spec: SessionSpec) -> None:
    template_rules.check(spec.template, spec.workspace.claim_name)


def _attempts(spec: SessionSpec) -> None:
    attempt_rules.check(spec)


def _progress(spec: SessionSpec) -> None:
    _seconds("spec.progress.statusSeconds", spec.progress.status_seconds)
    if len(spec.progress.metrics) > 32:
        raise InvalidSpec(
            "spec.progress.metrics", f"names {len(spec.progress.metrics)} metrics; at most 32 are allowed"
        )


def _seconds(field: str, value: int) -> None:
    within(field, value, 1, MOST_SECONDS)


def _quantity(field: str, text: str) -> None:
    if not is_positive(text):
        raise InvalidSpec(field, f"is {text!r}; a positive quantity such as 20Gi is allowed")


def _resources(field: str, resources: Mapping[str, Any]) -> None:
    for kind, amounts in resources.items():
        if kind not in ("limits", "requests") or not isinstance(amounts, dict):
            raise InvalidSpec(f"{field}.{kind}", "is not known; limits and requests, by resource, are allowed")
        for name, amount in amounts.items():
            if not is_quantity(str(amount)):
                raise InvalidSpec(
                    f"{field}.{kind}[{name}]", f"is {amount!r}; a quantity such as 500m or 4Gi is allowed"
                )


RULES: tuple[Rule, ...] = (
    _no_inline_key,  # first: no other message may come before the one that protects the key
    _one_model,
    _secret_refs,
    _hub,
    _train,
    _trainer,
    _agent,
    _workspace,
    _template,
    _progress,
    _attempts,
)
