"""docs/agent.md names every setting of agent and fetch, and the figures that pods are made with."""

import pytest
from builders.attempt import an_attempt
from builders.environ import Environ
from builders.pages import DOCS, first_column, section

from hubtraining.agent.settings import AgentSettings
from hubtraining.controller.manifests.containers import AGENT_RESOURCES
from hubtraining.controller.manifests.pod import pod
from hubtraining.domain import layout
from hubtraining.domain.layout import Assignment, HubAccess
from hubtraining.hub.pace import PROTOCOL_LIMITS

PAGE = DOCS / "agent.md"
TEXT = PAGE.read_text()


def test_every_setting_is_explained_and_no_other() -> None:
    hub = HubAccess("https://api.hub.example", "model", "key")
    assignment = Assignment("team", "signs", "uid", 1, hub, reports_url="")
    environ = Environ(HUBTRAINING_ASSIGNMENT=assignment.to_json())
    AgentSettings.from_env(environ)
    assert first_column(section(PAGE, "Settings")) == environ.asked


def test_the_page_tells_how_long_a_pod_may_take_to_stop() -> None:
    grace = pod(an_attempt())["spec"]["terminationGracePeriodSeconds"]
    assert f"`terminationGracePeriodSeconds` is {grace}:" in TEXT


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("heartbeatSeconds", PROTOCOL_LIMITS.heartbeat),
        ("metricsSeconds", PROTOCOL_LIMITS.metrics),
        ("checkpointSeconds", PROTOCOL_LIMITS.checkpoint),
    ],
)
def test_the_page_tells_the_paces_of_the_protocol(name: str, seconds: float) -> None:
    assert f"`{name}` ({seconds:g})" in TEXT


def test_the_page_tells_the_default_resources_and_the_port() -> None:
    request, limit = (AGENT_RESOURCES[kind]["memory"].replace("Mi", " MiB") for kind in ("requests", "limits"))
    assert f"the default request is {request}, the limit {limit}" in TEXT
    assert f"Port {layout.AGENT_PORT}:" in TEXT
