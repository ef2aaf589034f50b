"""YAML documents as people write and read them."""

import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from hubtraining.people.errors import PeopleError


def read(text: str, name: str) -> list[dict[str, Any]]:
    """The documents of a file, without empty ones. Raises PeopleError."""
    try:
        documents = [each for each in yaml.safe_load_all(text) if each is not None]
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise PeopleError(f"{name} is no YAML{line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise PeopleError(f"{name} is no YAML: {error}") from None
    if not all(isinstance(each, dict) for each in documents):
        raise PeopleError(f"{name} holds something that is no Kubernetes object")
    return documents


def written(documents: Iterable[Mapping[str, Any]], comment: str = "") -> str:
    """Documents in the order of their keys as given; ``comment`` stands before them."""
    text = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    wrapped = (line for paragraph in comment.splitlines() for line in textwrap.wrap(paragraph, 100))
    return "".join(f"# {line}\n" for line in wrapped) + text


class _Dumper(yaml.SafeDumper):
    """Without references between parts, and with scripts in lines of their own."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


_RARE_BREAKS = re.compile("[\x85\u2028\u2029]")


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    lines = "|" if "\n" in text else None
    # PyYAML writes rare line breaks as they are, and reads them as spaces.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _RARE_BREAKS.search(text) else lines)


_Dumper.add_representer(str, _text)
