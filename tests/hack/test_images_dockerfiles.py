import re
from pathlib import Path

import pytest

from images.bases import BASES
from images.buildah import stages
from images.image import IMAGES, Image, allowed

every_image = pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)


def instructions(dockerfile: Path, word: str) -> list[list[str]]:
    joined = dockerfile.read_text().replace("\\\n", " ")
    return [line.split()[1:] for line in joined.splitlines() if line.startswith(f"{word} ")]


@every_image
def test_every_base_has_a_stand_in_of_its_very_name(image: Image) -> None:
    (base,) = (words[0].removeprefix("BASE=") for words in instructions(image.dockerfile, "ARG") if "BASE=" in words[0])
    assert base in BASES


@every_image
def test_bases_are_given_by_the_argument(image: Image) -> None:
    named = {words[0] for words in instructions(image.dockerfile, "FROM")} - set(stages(image.dockerfile))
    assert named == {"${BASE}"}


@every_image
def test_what_is_copied_is_let_through(image: Image) -> None:
    copies = [
        [word for word in words if not word.startswith("--chmod")] for words in instructions(image.dockerfile, "COPY")
    ]
    sources = {source for words in copies if not words[0].startswith("--from") for source in words[:-1]}
    assert sources == set(allowed(image.context / ".dockerignore"))


@every_image
def test_the_user_is_a_number_that_no_host_uses(image: Image) -> None:
    ((user,),) = instructions(image.dockerfile, "USER")
    uid, _, gid = user.partition(":")
    assert int(uid) >= 10000
    assert int(gid) >= 10000


@every_image
def test_pip_takes_nothing_without_a_hash(image: Image) -> None:
    lines = image.dockerfile.read_text().replace("\\\n", " ").replace("&&", "\n").splitlines()
    installs = [line for line in lines if re.search(r"^[^#]*\bpip .*\b(install|wheel) ", line)]
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


def test_the_project_says_what_it_is_by_labels() -> None:
    text = IMAGES["hubtraining"].dockerfile.read_text()
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", text))
    assert labels == {"title", "description", "licenses", "version", "revision", "source"}
    assert 'licenses="Apache-2.0"' in text


def test_the_project_starts_with_its_command() -> None:
    assert instructions(IMAGES["hubtraining"].dockerfile, "ENTRYPOINT") == [['["hubtraining"]']]


@pytest.mark.parametrize(("file", "version"), [("requirements.txt", "8.4.114"), ("requirements-8.2.0.txt", "8.2.0")])
def test_the_trainer_is_pinned(file: str, version: str) -> None:
    lines = (IMAGES["trainer"].context / file).read_text().splitlines()
    requirements = [line for line in lines if not line.startswith((" ", "#"))]
    assert f"ultralytics=={version} \\" in requirements
    assert all("==" in line and line.endswith("\\") for line in requirements)


def test_stages_are_found_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a AS one\nFROM one AS two\nFROM a\nCOPY --from=two / /\n")
    assert stages(tmp_path / "Dockerfile") == ["one", "two"]
