"""The table of the resource's fields."""

from pathlib import Path

import yaml
from support import crd

from chart.fields import table


def rows(tmp_path: Path, spec: crd.Schema) -> list[str]:
    schema = {"openAPIV3Schema": {"properties": {"spec": spec}}}
    file = tmp_path / "crd.yaml"
    file.write_text(yaml.safe_dump({"spec": {"versions": [{"schema": schema}]}}))
    return table(file, "spec").splitlines()[2:]


def test_a_row_tells_the_default_and_what_can_be_chosen(tmp_path: Path) -> None:
    fields = {
        "a": {"description": "One | other.", "default": "x", "enum": ["x", "y"]},
        "b": {"description": "Needed."},
        "c": {"description": "Not needed."},
    }
    assert rows(tmp_path, {"properties": fields, "required": ["b"]}) == [
        '| `spec.a` | `"x"` | One \\| other. One of x, y. |',
        "| `spec.b` | required | Needed. |",
        "| `spec.c` |  | Not needed. |",
    ]


def test_fields_of_items_have_rows_and_what_any_pod_has_has_none(tmp_path: Path) -> None:
    leaf = {"properties": {"x": {"description": "Inner."}}, "description": "Outer."}
    fields = {"list": {"description": "Outer.", "items": leaf}, "resources": leaf}
    names = [row.split("`")[1] for row in rows(tmp_path, {"properties": fields})]
    assert names == ["spec.list", "spec.list[].x", "spec.resources"]


def test_the_document_has_a_row_for_each_field_of_its_own() -> None:
    text = (crd.FILE.parents[1] / "docs" / "resource.md").read_text()
    own = [path for path, _ in crd.fields(crd.schema()) if path.startswith(("spec.", "status."))]
    shallow = [
        path for path in own if path.count(".") <= 2 and not path.endswith(("limits", "requests")) and "env" not in path
    ]
    assert [path for path in shallow if f"| `{path}` |" not in text] == []
