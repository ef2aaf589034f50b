"""The fields of the resource as a table, read from the CRD."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

Schema = dict[str, Any]
FAMILIAR = re.compile(r"spec\.template\.spec\.\w+|spec\.trainer\.(env|envFrom)|.*\.resources")
"""Beneath these stands what any pod has; `kubectl explain` tells it."""


class Field(NamedTuple):
    """One row."""

    path: str
    schema: Schema
    required: bool

    def row(self) -> str:
        """In Markdown."""
        choices = f" One of {', '.join(self.schema['enum'])}." if "enum" in self.schema else ""
        meaning = (self.schema["description"] + choices).replace("|", "\\|")
        return f"| `{self.path}` | {self._default()} | {meaning} |"

    def _default(self) -> str:
        if self.required:
            return "required"
        return f"`{json.dumps(self.schema['default'])}`" if "default" in self.schema else ""


def table(crd: Path, stanza: str) -> str:
    """The fields of ``spec`` or ``status`` as a table of Markdown."""
    (version,) = yaml.safe_load(crd.read_text())["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"][stanza]
    return "\n".join(["| field | default | meaning |", "|---|---|---|", *(f.row() for f in fields(schema, stanza)), ""])


def fields(schema: Schema, path: str) -> Iterator[Field]:
    """Every field that is this resource's own."""
    for name, node in schema.get("properties", {}).items():
        inner = f"{path}.{name}"
        yield Field(inner, node, name in schema.get("required", ()))
        if not FAMILIAR.fullmatch(inner):
            yield from fields(node.get("items", node), inner + ("[]" if "items" in node else ""))
