"""docs/reliability.md names tests and targets that there are, and every module of faults has a row."""

import ast
import re

import pytest
from builders.pages import DOCS, ROOT, cells, section

PAGE = DOCS / "reliability.md"
TEXT = PAGE.read_text()
NAMED = sorted(set(re.findall(r"`(tests/\S+\.py)::(\w+)`", TEXT)))
PROVED = ("Nothing lost", "Failover")


def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_named_tests_exist(path: str, name: str) -> None:
    assert name in functions(path)


@pytest.mark.parametrize("heading", PROVED)
def test_every_row_names_its_test(heading: str) -> None:
    rows = cells(section(PAGE, heading))
    assert rows
    assert [row for row in rows if not re.search(r"`tests/\S+\.py::\w+`", row[-1])] == []


def test_every_module_of_faults_is_on_the_page() -> None:
    modules = {f"tests/faults/{path.name}" for path in (ROOT / "tests" / "faults").glob("test_*.py")}
    assert modules - {path for path, _ in NAMED} == set()


def test_the_named_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"make ([a-z0-9-]+)", TEXT)) <= targets
    assert "HUBTRAINING_FAULTS=full" in makefile
