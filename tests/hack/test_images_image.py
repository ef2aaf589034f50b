import shutil
from pathlib import Path

import pytest

from images.image import IMAGES, Image, allowed


@pytest.fixture
def image(tmp_path: Path) -> Image:
    context = tmp_path / "context"
    (context / "source").mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM scratch\n")
    (context / ".dockerignore").write_text("*\n!source\n!lock\n**/__pycache__\n")
    (context / "source" / "code.py").write_text("x = 1\n")
    (context / "lock").write_text("a==1\n")
    return Image("thing", context)


def again(image: Image) -> str:
    return Image(image.name, image.context).digest


@pytest.mark.parametrize("path", ["Dockerfile", ".dockerignore", "source/code.py", "lock"])
def test_a_change_of_anything_that_goes_in_is_a_new_image(image: Image, path: str) -> None:
    before = image.digest
    with (image.context / path).open("a") as file:
        file.write("# changed\n")
    assert again(image) != before


def test_a_file_that_is_new_moved_or_made_executable_is_a_new_image(image: Image) -> None:
    digests = [image.digest]
    (image.context / "source" / "more.py").write_text("y = 2\n")
    digests.append(again(image))
    (image.context / "source" / "more.py").rename(image.context / "source" / "other.py")
    digests.append(again(image))
    (image.context / "source" / "other.py").chmod(0o755)
    digests.append(again(image))
    assert len(set(digests)) == 4


def test_what_the_build_cannot_see_changes_nothing(image: Image) -> None:
    before = image.digest
    (image.context / "notes").write_text("mine\n")
    (image.context / "source" / "__pycache__").mkdir()
    (image.context / "source" / "__pycache__" / "code.pyc").write_bytes(b"compiled")
    assert again(image) == before


def test_a_change_during_a_build_does_not_change_the_name(image: Image) -> None:
    tags = image.tags
    (image.context / "lock").write_text("a==2\n")
    assert image.tags == tags


def test_a_copy_has_the_same_name_and_nothing_else_than_the_inputs(image: Image, tmp_path: Path) -> None:
    (image.context / "notes").write_text("mine\n")
    copy = image.copied(tmp_path / "copy")
    assert copy.tags == image.tags
    found = {str(path.relative_to(copy.context)) for path in copy.context.rglob("*") if path.is_file()}
    assert found == {"Dockerfile", ".dockerignore", "source/code.py", "lock"}


def test_the_name_does_not_depend_on_where_the_checkout_is(image: Image, tmp_path: Path) -> None:
    shutil.copytree(image.context, tmp_path / "elsewhere")
    assert Image(image.name, tmp_path / "elsewhere").digest == image.digest


def test_an_image_has_a_name_by_content_and_one_that_stays(image: Image) -> None:
    assert image.tags == (f"localhost/thing:{image.digest}", "localhost/thing:dev")
    assert len(image.digest) == 12


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_contexts_shut_out_everything_first(image: Image) -> None:
    ignored = image.context / ".dockerignore"
    assert ignored.read_text().startswith("*\n")
    assert all((image.context / path).exists() for path in allowed(ignored))
