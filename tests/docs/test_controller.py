"""docs/controller.md names every reason, event, setting and right of the controller, and no other."""

from itertools import product

import pytest
from builders.chart import rendered
from builders.environ import Environ
from builders.pages import DOCS, cells, first_column, section

from hubtraining.controller.rules.failures import DEFAULTS
from hubtraining.controller.settings import ControllerSettings
from hubtraining.controller.values.reasons import EventReason, Reason
from hubtraining.domain.conditions import ConditionType
from hubtraining.domain.status import OUTCOMES, PHASES

PAGE = DOCS / "controller.md"
REASONS = "Conditions and reasons"


def test_every_condition_has_its_table() -> None:
    headings = [line.removeprefix("### ") for line in section(PAGE, REASONS).splitlines() if line.startswith("### ")]
    assert headings == list(ConditionType)


def test_every_reason_of_a_condition_is_explained_and_no_other() -> None:
    assert first_column(section(PAGE, REASONS)) == set(Reason)


@pytest.mark.parametrize("condition", ConditionType)
def test_every_row_says_a_status_and_what_the_reason_means(condition: ConditionType) -> None:
    rows = cells(section(PAGE, condition))
    assert {status for row in rows for status in row[1].split(", ")} <= {"True", "False", "Unknown"}
    assert [row[0] for row in rows if not row[2].endswith(".")] == []


def test_every_reason_of_an_event_is_explained_and_no_other() -> None:
    assert first_column(section(PAGE, "Events")) == set(EventReason)


def test_every_phase_and_every_outcome_of_an_attempt_is_explained_and_no_other() -> None:
    assert first_column(section(PAGE, "Phases")) == set(PHASES)
    outcomes, rules = section(PAGE, "Attempts").split("| rule |")
    assert first_column(outcomes) == {
        outcome for outcome in OUTCOMES if outcome not in ("Pending", "Running", "Stopping")
    }
    assert {(row[0].strip("`"), row[2].strip("`")) for row in cells(f"| rule |{rules}")} == {
        (rule.name, rule.action) for rule in DEFAULTS
    }


def test_every_setting_is_explained_and_no_other() -> None:
    environ = Environ(HUBTRAINING_NAMESPACE="operator", HUBTRAINING_IMAGE="image:1")
    ControllerSettings.from_env(environ)
    assert first_column(section(PAGE, "Settings")) == environ.asked


def test_the_chart_sets_what_the_page_explains() -> None:
    assert first_column(section(PAGE, "Settings")) == rendered().env("controller").keys()


def test_every_right_is_explained_and_no_other() -> None:
    rules = [
        rule for role in rendered().of_kind("ClusterRole", "Role") if is_controllers(role) for rule in role["rules"]
    ]
    granted = {pair for rule in rules for pair in product(rule["resources"], rule["verbs"])}
    told = {(row[0].strip("`"), verb) for row in cells(section(PAGE, "Rights")) for verb in row[1].split(", ")}
    assert told == granted


def is_controllers(role: dict[str, dict[str, str]]) -> bool:
    return role["metadata"]["name"].startswith("hubtraining-controller")
