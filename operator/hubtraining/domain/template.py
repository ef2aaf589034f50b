"""Fields merged over the pod that we build: an allow-list, so that a session gets a place to train and no more."""

from typing import Any

import msgspec

Object = dict[str, Any]
"""A piece of Kubernetes API that we pass on as it is."""


class _Part(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A stanza of the template."""


class TemplateMetadata(_Part, frozen=True):
    """Added to the pod's metadata; ours cannot be replaced."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class TemplatePod(_Part, frozen=True):
    """Fields of the pod's spec. ``volume_mounts`` and ``trainer_security_context`` are the trainer's alone."""

    node_selector: dict[str, str] = {}
    tolerations: tuple[Object, ...] = ()
    affinity: Object = {}
    topology_spread_constraints: tuple[Object, ...] = ()
    priority_class_name: str = ""
    scheduler_name: str = ""
    runtime_class_name: str = ""
    service_account_name: str = ""
    image_pull_secrets: tuple[Object, ...] = ()
    host_aliases: tuple[Object, ...] = ()
    dns_policy: str = ""
    dns_config: Object = {}
    security_context: Object = {}
    trainer_security_context: Object = {}
    volumes: tuple[Object, ...] = ()
    volume_mounts: tuple[Object, ...] = ()


class TemplateSpec(_Part, frozen=True):
    """The whole stanza."""

    metadata: TemplateMetadata = TemplateMetadata()
    spec: TemplatePod = TemplatePod()
