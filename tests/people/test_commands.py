"""The commands as they are typed, where no cluster is needed."""

from pathlib import Path

import pytest
import yaml
from builders.session import a_body
from click.testing import CliRunner, Result

from hubtraining.cli import main
from hubtraining.domain.session import parse
from hubtraining.people.commands import FLAGS, run

KEY = "canaryCANARY0canaryCANARY0canaryCANARY0abc"
ID = "modelmodelmodelmodel"


def typed(*words: str, stdin: str = "", **environ: str) -> Result:
    return CliRunner().invoke(main, list(words), input=stdin, env={"KUBECONFIG": "/nonexistent", **environ})


def test_a_dry_run_prints_a_session_and_nothing_else() -> None:
    shown = typed("run", "yolo11n.pt", "--data", "signs.yaml", "--epochs", "3", "--dry-run")
    (body,) = yaml.safe_load_all(shown.stdout)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert body["metadata"] == {"name": "yolo11n-signs"}
    assert parse(body["spec"]).train.args == {"data": "signs.yaml", "epochs": 3}


def test_what_stands_after_two_dashes_is_the_trainers_command() -> None:
    shown = typed("run", "yolo11n.pt", "--data", "x", "--dry-run", "--", "python", "train.py", "--epochs", "3")
    spec = yaml.safe_load(shown.stdout)["spec"]
    assert spec["trainer"]["command"] == ["python", "train.py", "--epochs", "3"]
    assert "epochs" not in spec["train"]["args"]


def test_a_word_too_many_is_an_error_and_no_command() -> None:
    shown = typed("run", "yolo11n.pt", "signs.yaml", "--dry-run")
    assert shown.exit_code == 2
    assert "unexpected extra argument (signs.yaml)" in shown.stderr


def test_the_image_may_come_from_the_environment() -> None:
    shown = typed("run", "yolo11n.pt", "--data", "x", "--dry-run", HUBTRAINING_TRAINER_IMAGE="mine:3")
    assert yaml.safe_load(shown.stdout)["spec"]["trainer"]["image"] == "mine:3"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--name", "A"], "Error: --name: metadata.name is 'A'; at most 52"),
        (["--arg", "lr0"], "Error: --arg: spec.train.args needs name=value"),
        (["--arg", "mode=val"], "Error: --arg: spec.train.args.mode cannot be set"),
        (["--arg", "database=[[1]]"], "Error: --arg: spec.train.args.database is list"),
        (["--batch", "[[1]]"], "Error: --batch: spec.train.args.batch is list"),
        (["--env", "A"], "Error: --env: spec.trainer.env needs name=value"),
        (["--image", ""], "Error: --image: spec.trainer.image is empty"),
        (["--hub-url", "https://api.example"], "Error: --hub-url: spec.hub.url needs spec.hub.credentialsSecretRef"),
        (["--epochs", "0"], "Invalid value for '--epochs'"),
        (["--nodes", "2"], "Error: --nodes: spec.nodes needs spec.trainer.command"),
    ],
)
def test_an_error_names_the_flag_and_the_field(words: list[str], told: str) -> None:
    shown = typed("run", "yolo11n.pt", "--data", "x", "--dry-run", *words)
    assert shown.exit_code == 2
    assert told in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize("flag", [flag for flag in FLAGS.values() if flag.startswith("--")])
def test_every_flag_that_an_error_names_exists(flag: str) -> None:
    assert flag in {option for parameter in run.params for option in parameter.opts}


@pytest.mark.parametrize("words", [["run", f"{KEY}_{ID}", "--dry-run"], ["run", "-", "--dry-run"]])
def test_a_key_is_never_shown(words: list[str]) -> None:
    shown = typed(*words, stdin=f"{KEY}_{ID}\n")
    assert shown.exit_code == 0
    assert KEY not in shown.output
    assert "kubectl create secret generic model-modelmod-model --from-file=identifier=/dev/stdin" in shown.stdout
    assert yaml.safe_load(shown.stdout)["spec"]["modelFrom"]["secretKeyRef"]["name"] == "model-modelmod-model"


@pytest.mark.parametrize("model", [KEY, f"{KEY}_{ID}x", f"https://hub.example/models/{ID}?api_key={KEY}x"])
def test_a_mistyped_key_is_never_shown(model: str) -> None:
    for shown in (typed("run", model), typed("run", "-", stdin=model), typed("run", model, "--dry-run")):
        assert shown.exit_code == 2
        assert KEY not in shown.output
        assert "MODEL: spec.model cannot be used: model identifier [redacted]" in shown.stderr


@pytest.mark.parametrize("words", [["run", "yolo11n.pt", "--data", "x"], ["watch", "signs"], ["logs", "signs", "-f"]])
def test_without_a_cluster_it_is_said_how_to_name_one(words: list[str]) -> None:
    shown = typed(*words)
    assert shown.exit_code == 2
    assert shown.stderr.startswith("Error: there is no kubeconfig /nonexistent. Name another with --kubeconfig")


def test_manifests_reads_files_and_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "session.yaml"
    text = yaml.safe_dump_all([a_body(), a_body("other")])
    file.write_text(text)
    shown, piped = typed("manifests", str(file)), typed("manifests", "-", stdin=text)
    assert shown.output == piped.output
    documents = list(yaml.safe_load_all(shown.stdout))
    assert [document["metadata"]["name"] for document in documents] == ["signs-1-0", "other-1-0"]


def test_what_run_prints_manifests_takes() -> None:
    printed = typed("run", "yolo11n.pt", "--data", "signs", "--gpus", "2", "--dry-run").stdout
    shown = typed("manifests", "-", "-n", "team-a", "--agent-image", "mine:1", "--hub-url", "http://hub", stdin=printed)
    pod = yaml.safe_load(shown.stdout)
    assert pod["metadata"]["namespace"] == "team-a"
    assert pod["spec"]["initContainers"][0]["image"] == "mine:1"
    assert '"url":"http://hub"' in pod["spec"]["initContainers"][0]["env"][0]["value"]
    assert "device=0,1" in pod["spec"]["containers"][0]["command"]


@pytest.mark.parametrize(
    ("text", "told"), [("a: [", "session.yaml is no YAML in line"), ("kind: Pod", "this is a Pod of None"), ("", "")]
)
def test_a_file_that_is_no_session_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "session.yaml"
    file.write_text(text)
    shown = typed("manifests", str(file))
    assert told in shown.stderr
    assert "Traceback" not in shown.output
    assert shown.exit_code == (2 if told else 0)
