"""The CRD says what the parser reads and what the controller writes, and says it well."""

from typing import Any

import msgspec
import pytest
from builders.session import a_spec
from support import crd, rule_cases

from hubtraining.domain import attempt_rules, limits, names, patterns, template_rules
from hubtraining.domain.conditions import ConditionType
from hubtraining.domain.identifiers import MAX_LENGTH
from hubtraining.domain.session import InvalidSpec, parse
from hubtraining.domain.spec import SessionSpec
from hubtraining.domain.status import OUTCOMES, PHASES, SessionStatus

SCHEMA = crd.schema()
FIELDS = dict(crd.fields(SCHEMA))
SPEC, STATUS = SCHEMA["properties"]["spec"], SCHEMA["properties"]["status"]
RULES = crd.rules()


def stanza(kind: msgspec.inspect.Type) -> msgspec.inspect.StructType | None:
    """The struct inside an optional or a list."""
    match kind:
        case msgspec.inspect.StructType():
            return kind
        case msgspec.inspect.UnionType(types=types):
            return next((found for each in types if (found := stanza(each))), None)
        case msgspec.inspect.VarTupleType(item_type=item):
            return stanza(item)
    return None


def inner(schema: crd.Schema) -> crd.Schema:
    return dict(schema["items"]) if schema.get("type") == "array" else schema


def differences(struct: type, schema: crd.Schema, path: str = "") -> list[str]:
    """Where a struct and a schema disagree about fields, defaults or what is required."""
    kind = msgspec.inspect.type_info(struct)
    assert isinstance(kind, msgspec.inspect.StructType)
    ours, theirs = {field.encode_name: field for field in kind.fields}, schema.get("properties", {})
    found = [f"{path}.{name}" for name in ours.keys() ^ theirs.keys()]
    for name in ours.keys() & theirs.keys():
        found += disagreements(ours[name], theirs[name], f"{path}.{name}", name in schema.get("required", ()))
    return found


def disagreements(field: msgspec.inspect.Field, schema: crd.Schema, path: str, required: bool) -> list[str]:
    beneath = stanza(field.type)
    wrong = path.startswith("spec.") and field.required != required
    found = [f"{path} (required)"] if wrong else []
    if beneath is not None:
        return found + differences(beneath.cls, inner(schema), path)
    if "default" in schema and schema["default"] != field.default:
        found.append(f"{path} (default {field.default!r})")
    return found


def test_the_parser_reads_every_field_of_the_spec_and_no_other() -> None:
    assert differences(SessionSpec, SPEC, "spec") == []


def test_the_controller_writes_every_field_of_the_status_and_no_other() -> None:
    assert differences(SessionStatus, STATUS, "status") == []


def test_a_field_without_a_default_is_empty_to_the_parser() -> None:
    unset = parse(a_spec())
    with_defaults = {path: field["default"] for path, field in FIELDS.items() if "default" in field}
    assert with_defaults == {
        "spec.hub.protocol": unset.hub.protocol,
        "spec.trainer.shmSize": unset.trainer.shm_size,
        "spec.agent": {},
        "spec.agent.metricsSeconds": unset.agent.metrics_seconds,
        "spec.agent.checkpointSeconds": unset.agent.checkpoint_seconds,
        "spec.agent.heartbeatSeconds": unset.agent.heartbeat_seconds,
        "spec.workspace.claimTemplate.spec.volumeMode": "Filesystem",
        "spec.progress": {},
        "spec.progress.statusSeconds": unset.progress.status_seconds,
        "spec.nodes": unset.nodes,
        "spec.suspend": unset.suspend,
        "spec.retry": {},
        "spec.retry.limit": unset.retry.limit,
        "spec.retry.backoffSeconds": unset.retry.backoff_seconds,
        "spec.retry.maxBackoffSeconds": unset.retry.max_backoff_seconds,
        "spec.checkpoints": {},
        "spec.checkpoints.resume": unset.checkpoints.resume,
        "spec.checkpoints.flushSeconds": unset.checkpoints.flush_seconds,
        "spec.checkpoints.finalUploadSeconds": unset.checkpoints.final_upload_seconds,
        "spec.stall": {},
        "spec.stall.afterSeconds": unset.stall.after_seconds,
        "spec.stall.action": unset.stall.action,
    }


def test_every_field_is_described_in_a_sentence() -> None:
    described = {path: field.get("description", "") for path, field in FIELDS.items()}
    bad = [
        path for path, text in described.items() if not text[:1].isupper() and not text.startswith("hubtraining.dev")
    ]
    assert bad == ["metadata"]  # which the API server describes


def test_kubectl_explain_tells_every_default() -> None:
    """It prints descriptions, and not the defaults beside them."""
    kinds = ("string", "integer")
    told = {path: field for path, field in FIELDS.items() if "default" in field and field["type"] in kinds}
    assert told
    assert [
        path
        for path, field in told.items()
        if f"{field['default']} if omitted" not in field["description"]
        and f"{field['default']}, the default" not in field["description"]
    ] == []


def test_every_list_says_how_it_is_merged() -> None:
    lists = {path: field for path, field in FIELDS.items() if field.get("type") == "array"}
    assert lists
    for path, field in lists.items():
        assert (path, field.get("x-kubernetes-list-type")) in {(path, kind) for kind in ("atomic", "set", "map")}
        assert (field["x-kubernetes-list-type"] == "map") == ("x-kubernetes-list-map-keys" in field), path


def test_every_list_and_map_of_the_spec_is_bounded() -> None:
    mine = {path: field for path, field in FIELDS.items() if path.startswith("spec.")}
    lists = [path for path, field in mine.items() if field.get("type") == "array" and "maxItems" not in field]
    maps = [path for path, field in mine.items() if "additionalProperties" in field and "maxProperties" not in field]
    assert lists + maps == []


def test_there_are_no_floats() -> None:
    assert [path for path, field in FIELDS.items() if field.get("type") == "number"] == []


def test_a_condition_has_what_every_condition_of_kubernetes_has() -> None:
    condition = FIELDS["status.conditions"]["items"]
    assert set(condition["required"]) == {"type", "status", "reason", "message", "lastTransitionTime"}


def test_every_rule_has_cases() -> None:
    assert rule_cases.CASES.keys() == RULES.keys()
    assert [place for place, case in rule_cases.CASES.items() if not (case.accepted and case.refused)] == []


@pytest.mark.parametrize("place", RULES)
def test_every_rule_has_a_message_that_names_its_field(place: str) -> None:
    message = RULES[place]["message"]
    assert message.startswith(("spec", "metadata.name"))
    assert not message.endswith(".")


@pytest.mark.parametrize("place", rule_cases.CASES)
def test_the_parser_and_the_rules_agree(place: str) -> None:
    case = rule_cases.CASES[place]
    for each in case.accepted:
        assert parse(each.spec)
    for each, _ in case.refused:
        if each.before is None and place != "#0":
            with pytest.raises(InvalidSpec):
                parse(each.spec)


def test_the_names_are_those_that_the_programs_use() -> None:
    definition = crd.definition()
    assert definition["metadata"]["name"] == f"{names.PLURAL}.{names.GROUP}"
    assert definition["spec"]["group"] == names.GROUP
    assert crd.version()["name"] == names.VERSION
    kinds = definition["spec"]["names"]
    assert (kinds["kind"], kinds["plural"], kinds["shortNames"], kinds["categories"]) == (
        names.KIND,
        names.PLURAL,
        ["hts"],
        ["all"],
    )


def test_limits_are_those_of_the_parser() -> None:
    assert FIELDS["spec.model"]["maxLength"] == MAX_LENGTH
    volume = set(FIELDS["spec.template.spec.volumes"]["items"]["properties"])
    assert volume == {"name", *template_rules.VOLUME_KINDS}
    security = set(FIELDS["spec.template.spec.securityContext"]["properties"])
    assert security == set(template_rules.POD_SECURITY)
    assert set(FIELDS["spec.template.spec.trainerSecurityContext"]["properties"]) == set(
        template_rules.TRAINER_SECURITY
    )


def test_limits_of_attempts_are_those_of_the_parser() -> None:
    def bounds(path: str) -> tuple[int, int]:
        return FIELDS[path]["minimum"], FIELDS[path]["maximum"]

    assert bounds("spec.nodes") == (1, attempt_rules.MOST_NODES)
    assert bounds("spec.retry.limit") == (0, attempt_rules.MOST_RETRIES)
    assert bounds("spec.retry.backoffSeconds") == bounds("spec.checkpoints.flushSeconds") == (1, limits.MOST_SECONDS)
    assert bounds("spec.stall.afterSeconds") == (0, limits.YEAR_SECONDS)
    assert bounds("spec.startDeadlineSeconds") == bounds("spec.activeDeadlineSeconds") == (1, limits.YEAR_SECONDS)
    assert bounds("spec.ttlSecondsAfterFinished") == (0, limits.YEAR_SECONDS)
    assert FIELDS["spec.failureRules"]["maxItems"] == attempt_rules.MOST_RULES
    assert FIELDS["spec.failureRules[].onExitCodes"]["maxItems"] == attempt_rules.MOST_CODES
    assert FIELDS["spec.failureRules[].onLog"]["maxLength"] == patterns.LONGEST


def test_the_words_for_what_an_attempt_is_are_all_described() -> None:
    for path, words in (("status.phase", PHASES), ("status.attempts[].outcome", OUTCOMES)):
        assert [word for word in words if word not in FIELDS[path]["description"]] == []


def test_our_volumes_and_folders_are_those_that_the_rules_name() -> None:
    volumes = RULES["spec.template.spec.volumes[]#0"]["rule"]
    mounts = RULES["spec.template.spec.volumeMounts[]#0"]["rule"]
    assert all(f"'{name}'" in volumes for name in template_rules.OUR_VOLUMES)
    assert all(f"'{path}'" in mounts for path in template_rules.OUR_PATHS)


def test_the_conditions_are_listed() -> None:
    description = FIELDS["status.conditions"]["description"]
    assert [kind.value for kind in ConditionType if kind.value not in description] == []


def test_the_columns_tell_the_progress_at_a_glance() -> None:
    columns: list[dict[str, Any]] = crd.version()["additionalPrinterColumns"]
    narrow = [column["name"] for column in columns if not column.get("priority")]
    wide = [column["name"] for column in columns if column.get("priority")]
    assert narrow == ["Phase", "Progress", "Epoch", "ETA", "Best", "Attempt", "Age"]
    assert wide == ["Model", "Node", "Checkpoint", "Queue", "Reason"]
