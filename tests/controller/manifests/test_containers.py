"""Agent, fetch and trainer."""

from typing import Any

import pytest
from builders.attempt import PLAN, an_attempt, settings

from hubtraining.controller.manifests.attempt import Manifest
from hubtraining.controller.manifests.containers import AGENT_RESOURCES, agent, fetch, trainer
from hubtraining.controller.manifests.launcher import LAUNCHER, OR
from hubtraining.domain import layout
from hubtraining.domain.arguments import Plan
from hubtraining.domain.layout import ENV_ASSIGNMENT, Assignment


def env(container: Manifest) -> dict[str, Any]:
    names = [variable["name"] for variable in container["env"]]
    assert len(set(names)) == len(names)
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in container["env"]}


def test_agent_and_fetch_run_their_programs_in_the_operators_image() -> None:
    for container in (agent(an_attempt()), fetch(an_attempt())):
        assert container["image"] == "registry.example/hubtraining:1"
        assert container["args"] == [container["name"]]
        assert container["imagePullPolicy"] == "IfNotPresent"


def test_a_session_may_name_the_agents_image_and_resources() -> None:
    limits = {"limits": {"memory": "1Gi"}}
    for container in (make(an_attempt(agent={"image": "mine:1", "resources": limits})) for make in (agent, fetch)):
        assert container["image"] == "mine:1"
        assert container["resources"] == limits


def test_the_agents_resources_are_the_sessions_else_the_operators_else_small() -> None:
    operators = {"limits": {"memory": "512Mi"}}
    assert agent(an_attempt())["resources"] == AGENT_RESOURCES
    assert agent(an_attempt(controller=settings(agent_resources=operators)))["resources"] == operators


def test_both_read_the_same_assignment() -> None:
    attempt = an_attempt(7)
    texts = {env(container)[ENV_ASSIGNMENT] for container in (agent(attempt), fetch(attempt))}
    assert len(texts) == 1
    assert Assignment.from_json(texts.pop()).attempt == 7


def test_the_kubelet_asks_the_agent_whether_it_is_up_and_tells_it_to_flush() -> None:
    container = agent(an_attempt())
    assert container["startupProbe"]["httpGet"] == {"path": "/startup", "port": "metrics"}
    assert container["lifecycle"]["preStop"]["httpGet"] == {"path": "/flush", "port": "metrics"}
    assert container["ports"] == [{"name": "metrics", "containerPort": 9464}]


def test_agent_and_fetch_cannot_write_to_their_image() -> None:
    assert agent(an_attempt())["securityContext"]["readOnlyRootFilesystem"] is True
    assert fetch(an_attempt())["securityContext"]["readOnlyRootFilesystem"] is True


def test_last_words_come_from_the_agents_file_and_the_others_logs() -> None:
    attempt = an_attempt()
    policies = [make(attempt)["terminationMessagePolicy"] for make in (agent, fetch, trainer)]
    assert policies == ["File", "FallbackToLogsOnError", "FallbackToLogsOnError"]


def test_the_trainer_runs_under_the_launcher() -> None:
    command = trainer(an_attempt())["command"]
    assert command[:3] == ["/bin/sh", "-c", LAUNCHER]
    words = command[4:]
    assert [words[index + 1 : index + 3] for index, word in enumerate(words) if word == OR] == [["yolo", "train"]] * 2
    assert words.index("model=yolov8n.yaml") < words.index("resume=True")


def test_the_trainer_has_the_users_image_and_resources() -> None:
    gpu = {"limits": {"nvidia.com/gpu": "1"}}
    container = trainer(an_attempt(trainer={"resources": gpu}))
    assert container["image"] == "registry.example/trainer:1"
    assert container["resources"] == gpu
    assert "imagePullPolicy" not in container


def test_ultralytics_works_in_the_workspace_and_a_command_where_its_image_says() -> None:
    assert trainer(an_attempt())["workingDir"] == "/workspace"
    assert "workingDir" not in trainer(an_attempt(trainer={"command": ["python", "train.py"]}))


def test_the_trainer_is_told_what_any_program_may_need() -> None:
    told = env(trainer(an_attempt(3)))
    assert told["HUBTRAINING_EXIT_FILE"] == layout.exit_file(an_attempt().session.uid, 3)
    assert told["HUBTRAINING_ATTEMPT"] == "3"
    assert told["HUBTRAINING_MODEL"] == "yolov8n.yaml"
    assert told["HUBTRAINING_DATA"] == "signs.yaml"
    assert told["HUBTRAINING_RUN"] == "/workspace/run"
    assert told["HOME"] == "/tmp"


def test_nothing_in_our_values_is_expanded() -> None:
    plan = Plan("m.pt", {**PLAN.arguments, "data": "$(HOME)"}, ())
    assert env(trainer(an_attempt(plan=plan)))["HUBTRAINING_DATA"] == "$$(HOME)"


def test_the_users_variables_win_by_name_and_keep_their_form() -> None:
    secret = {"secretKeyRef": {"name": "wandb", "key": "key"}}
    mine = [{"name": "HOME", "value": "/data"}, {"name": "WANDB_API_KEY", "valueFrom": secret}]
    told = env(trainer(an_attempt(trainer={"env": mine})))
    assert told["HOME"] == "/data"
    assert told["WANDB_API_KEY"] == secret
    assert list(told).index("HUBTRAINING_DATA") < list(told).index("WANDB_API_KEY")


def test_variables_can_come_from_config_maps() -> None:
    source = {"configMapRef": {"name": "settings"}}
    assert trainer(an_attempt(trainer={"envFrom": [source]}))["envFrom"] == [source]
    assert "envFrom" not in trainer(an_attempt())


@pytest.mark.parametrize(("user", "non_root"), [(0, False), (5000, True)])
def test_the_trainer_alone_may_be_another_user(user: int, non_root: bool) -> None:
    wanted = {"trainerSecurityContext": {"runAsUser": user, "readOnlyRootFilesystem": True}}
    attempt = an_attempt(template={"spec": wanted})
    security = trainer(attempt)["securityContext"]
    assert (security["runAsUser"], security["runAsNonRoot"]) == (user, non_root)
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert "runAsUser" not in agent(attempt)["securityContext"]
