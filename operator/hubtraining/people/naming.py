"""Names of sessions."""

import re

from hubtraining.domain.identifiers import Identifier
from hubtraining.domain.invalid import InvalidSpec
from hubtraining.domain.names import MAX_NAME_LENGTH

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def check(name: str) -> None:
    """Raise InvalidSpec for a name that no session can have."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
        raise InvalidSpec(
            "metadata.name",
            f"is {name!r}; at most {MAX_NAME_LENGTH} lower-case letters, digits and dashes are allowed, "
            "the first a letter and the last no dash",
        )


def default(identifier: Identifier, data: str) -> str:
    """From model and data set: the same flags give the same name."""
    model = identifier.stem.rpartition("/")[2] if identifier.file else f"model-{identifier.model_id[:8]}"
    path = re.split(r"[?#]", data, maxsplit=1)[0]
    stem = path.rstrip("/").rpartition("/")[2].partition(".")[0]
    slug = re.sub(r"[^a-z0-9]+", "-", f"{model}-{stem}".lower()).strip("-")
    named = slug if slug[:1].isalpha() else f"train-{slug}"
    return named[:MAX_NAME_LENGTH].strip("-")
