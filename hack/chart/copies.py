"""What chart and documents hold that stands elsewhere, too: the CRD, the dashboard, and tables of what there is."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chart import fields, metrics
from chart.dashboard import dashboard
from chart.files import CHART, ROOT, Files

CRD = ROOT / "crds" / "hubtrainingsessions.yaml"
INSTALL = ROOT / "docs" / "install.md"
RESOURCE = ROOT / "docs" / "resource.md"
METRICS = ROOT / "docs" / "metrics.md"


def copies() -> Files:
    """Every copy, by its path."""
    return {
        CHART / "files" / "hubtrainingsessions.yaml": CRD.read_text(),
        CHART / "files" / "dashboard.json": json.dumps(dashboard(), indent=2) + "\n",
        INSTALL: filled(INSTALL, {"values": table(json.loads((CHART / "values.schema.json").read_text()))}),
        RESOURCE: filled(RESOURCE, {stanza: fields.table(CRD, stanza) for stanza in ("spec", "status")}),
        METRICS: filled(METRICS, metrics.tables()),
    }


def filled(path: Path, texts: Mapping[str, str]) -> str:
    """The document with each text between the marks of its name. Raises ValueError where they are missing."""
    document = path.read_text()
    for name, text in texts.items():
        begin, end = f"<!-- {name}: made by hack/chart/sync -->", f"<!-- /{name} -->"
        before, rest = document.split(begin)
        _, after = rest.split(end)
        document = f"{before}{begin}\n\n{text}\n{end}{after}"
    return document


def table(schema: dict[str, Any]) -> str:
    """The values as a table of Markdown."""
    rows = [f"| `{key}` | `{cell(default)}` | {cell(meaning)} |" for key, default, meaning in values(schema)]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows, ""])


def cell(text: str) -> str:
    """Text that does not end its cell."""
    return text.replace("|", "\\|")


def values(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Dotted key, default as JSON, and meaning of each value."""
    for name, node in schema["properties"].items():
        if "properties" in node:
            yield from values(node, f"{prefix}{name}.")
        else:
            yield prefix + name, json.dumps(node["default"]), node["description"]
