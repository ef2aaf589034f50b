import tarfile
from pathlib import Path

import pytest

from images import bases, machine
from images.bases import BASES, provide
from images.shell import ImagesError

DEBIAN, PYTHON = BASES


class Builder:
    """A store of names instead of buildah's."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.built: list[str] = []

    def build_folder(self, dockerfile: Path, context: Path, tags: tuple[str, ...]) -> None:
        assert dockerfile.is_file()
        self.built.append(context.name)
        self.names.update(tags)

    def has(self, tag: str) -> bool:
        return tag in self.names

    def tag(self, existing: str, tag: str) -> None:
        assert existing in self.names
        self.names.add(tag)

    def forget(self, prefix: str, keep: tuple[str, ...]) -> None:
        self.names = {name for name in self.names if not name.startswith(prefix) or name in keep}


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Builder:
    monkeypatch.setattr(bases, "debootstrap", lambda context, overlay: None)
    monkeypatch.setattr(machine, "apt_options", lambda: "")
    return Builder()


def a_dockerfile(folder: Path, base: str) -> Path:
    path = folder / "Dockerfile"
    path.write_text(f"ARG BASE={base}\nFROM ${{BASE}}\n")
    return path


def test_a_base_is_made_after_the_one_beneath_it(builder: Builder, tmp_path: Path) -> None:
    provide(builder, a_dockerfile(tmp_path, PYTHON), tmp_path / "work")
    assert builder.built == ["debian", "python"]
    assert {DEBIAN, PYTHON} <= builder.names


def test_only_what_is_named_is_made(builder: Builder, tmp_path: Path) -> None:
    provide(builder, a_dockerfile(tmp_path, DEBIAN), tmp_path / "work")
    assert builder.built == ["debian"]


def test_a_base_is_made_once(builder: Builder, tmp_path: Path) -> None:
    for number in ("1", "2"):
        provide(builder, a_dockerfile(tmp_path, DEBIAN), tmp_path / number)
    assert builder.built == ["debian"]


def test_a_machine_that_changed_gets_a_new_base_and_the_old_one_goes(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provide(builder, a_dockerfile(tmp_path, DEBIAN), tmp_path / "1")
    monkeypatch.setattr(machine, "apt_options", lambda: 'Acquire::http::Proxy "http://proxy.example";\n')
    provide(builder, a_dockerfile(tmp_path, DEBIAN), tmp_path / "2")
    assert builder.built == ["debian", "debian"]
    assert len([name for name in builder.names if name.startswith("localhost/standin-debian:")]) == 1


def test_the_minimal_system_gets_the_machines_files_and_loses_the_manuals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*command: str) -> None:
        for folder in bases.SLIMMED:
            page = Path(command[-1]) / folder / "deep" / "page"
            page.parent.mkdir(parents=True)
            page.write_text("long")

    monkeypatch.setattr(bases, "run", run)
    laid = tmp_path / "root" / "etc" / "laid"
    laid.parent.mkdir(parents=True)
    laid.write_text("over")
    bases.debootstrap(tmp_path, {"etc/pip.conf": b"[global]\n"})
    with tarfile.open(tmp_path / "root.tar") as tar:
        names = tar.getnames()
    assert {"./etc/laid", "./etc/pip.conf", "./usr/share/man"} <= set(names)
    assert not [name for name in names if "deep" in name]


def test_the_trust_of_the_machine_is_that_of_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "apt_options", lambda: "")
    (tmp_path / "bundle").write_bytes(b"certificates")
    files = machine.settings({"PIP_CERT": str(tmp_path / "gone"), "SSL_CERT_FILE": str(tmp_path / "bundle")})
    assert files["etc/machine-trust.crt"] == b"certificates"
    assert files["etc/pip.conf"] == b"[global]\ncert = /etc/machine-trust.crt\n"


def test_of_apts_options_only_the_way_to_the_packages_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    dumped = 'APT "";\nAcquire::http::Proxy "http://proxy.example";\nAcquire::Languages "none";\nDir::Cache "x";\n'
    monkeypatch.setattr(machine, "output", lambda *_: dumped)
    assert machine.apt_options() == 'Acquire::http::Proxy "http://proxy.example";\n'


def test_a_machine_without_apt_has_no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert machine.apt_options() == ""
    with pytest.raises(ImagesError):
        machine.install(("buildah",))
