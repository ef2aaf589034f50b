"""Model identifiers: the forms in which a user may say which model to train.

=============================  ==========================================  ==============
form                           example                                     holds a key
=============================  ==========================================  ==============
link to a model of the hub     ``<web root>/models/<model id>``            no
the same, with a key           ``<web root>/models/<model id>?api_key=…``  yes
key and model id               ``<42 characters>_<20 characters>``         yes
model id                       20 characters                               no
weights or architecture        ``*.pt``, ``*.yaml``                        no
=============================  ==========================================  ==============
"""

import re
from enum import StrEnum
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec

from hubtraining.domain.secret import Secret

WEB_URL = "https://hub.ultralytics.com"
"""The web root that identifiers were written with when the protocol was young."""

MAX_LENGTH = 1024
_MODEL_ID = re.compile(r"[A-Za-z0-9-]{20}")
_API_KEY = re.compile(r"[A-Za-z0-9-]{42}")
_KEY_AND_ID = re.compile(rf"({_API_KEY.pattern})_({_MODEL_ID.pattern})")
_KEY_ANYWHERE = re.compile(rf"{_KEY_AND_ID.pattern}|api_?key=", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_FILES = {".pt": "weights", ".yaml": "architecture"}


class IdentifierKind(StrEnum):
    """What the identifier names."""

    MODEL = "model"  # a model that the hub holds already
    WEIGHTS = "weights"  # a .pt file to start from
    ARCHITECTURE = "architecture"  # a .yaml file to start from


class Identifier(msgspec.Struct, frozen=True):
    """A parsed model identifier. ``MODEL`` has a ``model_id`` and perhaps a key; the others have a ``file``."""

    kind: IdentifierKind
    model_id: str = ""
    api_key: Secret | None = None
    file: str = ""
    """As the user wrote it: a bare name, or a path on a volume."""

    @property
    def file_name(self) -> str:
        """Last part of ``file``."""
        return self.file.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """``file_name`` without its ending."""
        return self.file_name.rpartition(".")[0]


class InvalidIdentifier(ValueError):
    """Nothing that we know. The text never holds the identifier: it may be a mistyped key."""

    def __init__(self, text: str, web_url: str) -> None:
        super().__init__(
            f"model identifier [redacted] ({len(text)} characters) is not understood; supported formats: "
            f"{web_url}/models/<model id> (with ?api_key=<key> through modelFrom), "
            f"<api key>_<model id> (42 and 20 characters, through modelFrom), "
            f"<model id> (20 characters), or a file name ending in .pt or .yaml"
        )


def parse(text: str, web_url: str = WEB_URL) -> Identifier:
    """Read an identifier; ``web_url`` is the root that the hub's links begin with. Raises InvalidIdentifier."""
    root = web_url.rstrip("/")
    found = _as_link(text, root) or _as_key_and_id(text) or _as_model_id(text) or _as_file(text)
    if found is None or len(text) > MAX_LENGTH:
        raise InvalidIdentifier(text, root)
    return found


def holds_key(text: str) -> bool:
    """Whether an API key stands in the text, also where the text is no valid identifier."""
    return _KEY_ANYWHERE.search(text) is not None


def model_url(web_url: str, model_id: str) -> str:
    """The link under which people see a model."""
    return f"{web_url.rstrip('/')}/models/{model_id}"


def _as_link(text: str, root: str) -> Identifier | None:
    link, expected = _split(text), _split(root)
    if link is None or expected is None or not _same_site(link, expected) or link.fragment:
        return None
    model_id = link.path.removeprefix(f"{expected.path}/models/").removesuffix("/")
    query = parse_qs(link.query, keep_blank_values=True)
    if not _MODEL_ID.fullmatch(model_id) or not query.keys() <= {"api_key"}:
        return None
    keys = query.get("api_key", [])
    if len(keys) > 1 or not all(_API_KEY.fullmatch(key) for key in keys):
        return None
    return Identifier(IdentifierKind.MODEL, model_id, Secret(keys[0]) if keys else None)


def _split(text: str) -> SplitResult | None:
    try:
        return urlsplit(text)
    except ValueError:
        return None


def _same_site(link: SplitResult, root: SplitResult) -> bool:
    return (link.scheme, link.netloc.lower()) == (root.scheme, root.netloc.lower()) and bool(link.netloc)


def _as_key_and_id(text: str) -> Identifier | None:
    parts = _KEY_AND_ID.fullmatch(text)
    return Identifier(IdentifierKind.MODEL, parts[2], Secret(parts[1])) if parts else None


def _as_model_id(text: str) -> Identifier | None:
    return Identifier(IdentifierKind.MODEL, text) if _MODEL_ID.fullmatch(text) else None


def _as_file(text: str) -> Identifier | None:
    kind = next((kind for ending, kind in _FILES.items() if text.endswith(ending)), None)
    found = Identifier(IdentifierKind(kind), file=text) if kind else None
    unfit = "://" in text or holds_key(text) or _UNPRINTABLE.search(text) or text.startswith("-")
    return found if found and found.stem and not unfit else None
