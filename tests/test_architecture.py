"""What keeps the project as its documents say it is."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
import yaml

import hubtraining

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "operator" / "hubtraining"
MODULES = sorted(PACKAGE.rglob("*.py"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "charts").rglob("*.md")])

type_names = (ast.FunctionDef, ast.AsyncFunctionDef)


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, type_names)]


def test_the_source_root_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_fit_the_eye(module: Path) -> None:
    assert module.read_text().count("\n") <= 300
    assert [f.name for f in functions(module) if f.end_lineno and f.end_lineno - f.lineno >= 50] == []


def test_the_median_function_has_at_most_eight_lines() -> None:
    sizes = sorted((f.end_lineno or f.lineno) - f.lineno + 1 for module in MODULES for f in functions(module))
    assert sizes[len(sizes) // 2] <= 8


def test_package_changelog_and_chart_have_one_version() -> None:
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    chart = yaml.safe_load((ROOT / "charts" / "hubtraining" / "Chart.yaml").read_text())
    assert newest is not None
    assert {newest[1], chart["version"], chart["appVersion"]} == {hubtraining.__version__}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_every_module_has_its_place_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    names = [str(path.relative_to(PACKAGE)) for path in MODULES if path.name not in ("__init__.py", "__main__.py")]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_nothing_names_a_path_of_one_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    texts = [ROOT / name for name in tracked if not name.endswith((".lock", ".sum", ".png", ".gz"))]
    pattern = re.compile(r"(?<![\w.$}/-])/(work|farm)/[a-z.]|(?<![\w.$}])/root/[a-z.]")
    assert [str(path.relative_to(ROOT)) for path in texts if path.is_file() and pattern.search(path.read_text())] == []
