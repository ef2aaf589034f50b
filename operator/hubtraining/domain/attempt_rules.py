"""What a spec may say about its attempts: their nodes, retries, failure rules, checkpoints and deadlines."""

import re
from collections.abc import Iterator

from hubtraining.domain.invalid import InvalidSpec
from hubtraining.domain.limits import MOST_SECONDS, YEAR_SECONDS, within
from hubtraining.domain.patterns import InvalidPattern, compiled
from hubtraining.domain.spec import FailureRule, SessionSpec

MOST_NODES = 64
MOST_RETRIES = 1000
MOST_RULES = 16
MOST_CODES = 32
SHARED = "ReadWriteMany"
"""The access mode of a claim that the pods of several nodes can mount."""

_RULE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def check(spec: SessionSpec) -> None:
    """Raise InvalidSpec for the first rule that is broken."""
    _nodes(spec)
    _retry(spec)
    _failure_rules(spec)
    _seconds(spec)


def _nodes(spec: SessionSpec) -> None:
    within("spec.nodes", spec.nodes, 1, MOST_NODES, "nodes")
    if spec.nodes == 1:
        return
    if not spec.trainer.command:
        raise InvalidSpec(
            "spec.nodes", "needs spec.trainer.command, such as torchrun: `yolo train` by itself uses one node"
        )
    if not spec.workspace.lasting:
        raise InvalidSpec("spec.nodes", "needs spec.workspace.claimName or claimTemplate: the nodes share a workspace")
    template = spec.workspace.claim_template
    if template is not None and SHARED not in template.spec.access_modes:
        raise InvalidSpec("spec.nodes", f"needs {SHARED} in spec.workspace.claimTemplate.spec.accessModes")


def _retry(spec: SessionSpec) -> None:
    retry = spec.retry
    within("spec.retry.limit", retry.limit, 0, MOST_RETRIES, "retries")
    within("spec.retry.backoffSeconds", retry.backoff_seconds, 1, MOST_SECONDS)
    within("spec.retry.maxBackoffSeconds", retry.max_backoff_seconds, 1, MOST_SECONDS)
    if retry.max_backoff_seconds < retry.backoff_seconds:
        raise InvalidSpec("spec.retry.maxBackoffSeconds", "is less than spec.retry.backoffSeconds")


def _failure_rules(spec: SessionSpec) -> None:
    within("spec.failureRules", len(spec.failure_rules), 0, MOST_RULES, "rules")
    names = [rule.name for rule in spec.failure_rules]
    if len(set(names)) != len(names):
        raise InvalidSpec("spec.failureRules", "has two rules of the same name")
    for rule in spec.failure_rules:
        _failure_rule(rule)


def _failure_rule(rule: FailureRule) -> None:
    field = "spec.failureRules"
    if not _RULE_NAME.fullmatch(rule.name):
        allowed = "at most 63 lower-case letters, digits and dashes are allowed, and no dash first or last"
        raise InvalidSpec(field, f"has the name {rule.name!r}; {allowed}")
    if bool(rule.on_exit_codes) == bool(rule.on_log):
        raise InvalidSpec(field, f"must have exactly one of onExitCodes and onLog in {rule.name!r}")
    within(f"{field}[{rule.name}].onExitCodes", len(rule.on_exit_codes), 0, MOST_CODES, "codes")
    for code in rule.on_exit_codes:
        within(f"{field}[{rule.name}].onExitCodes", code, 1, 255, "as an exit code")
    try:
        compiled(rule.on_log)
    except InvalidPattern as error:
        raise InvalidSpec(f"{field}[{rule.name}].onLog", str(error)) from None


def _seconds(spec: SessionSpec) -> None:
    within("spec.checkpoints.flushSeconds", spec.checkpoints.flush_seconds, 1, MOST_SECONDS)
    within("spec.checkpoints.finalUploadSeconds", spec.checkpoints.final_upload_seconds, 1, MOST_SECONDS)
    within("spec.stall.afterSeconds", spec.stall.after_seconds, 0, YEAR_SECONDS)
    for field, value, least in _deadlines(spec):
        if value is not None:
            within(field, value, least, YEAR_SECONDS)


def _deadlines(spec: SessionSpec) -> Iterator[tuple[str, int | None, int]]:
    yield "spec.startDeadlineSeconds", spec.start_deadline_seconds, 1
    yield "spec.activeDeadlineSeconds", spec.active_deadline_seconds, 1
    yield "spec.ttlSecondsAfterFinished", spec.ttl_seconds_after_finished, 0
