"""Where a client's key or token comes from: a file that may change while the program runs."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import msgspec

from hubtraining.domain.secret import Secret
from hubtraining.hub import wire
from hubtraining.hub.errors import HubUnauthorized

Scheme = Literal["key", "token"]


class Credential(msgspec.Struct, frozen=True):
    """A key (``x-api-key``) or a token (``authorization: Bearer``)."""

    scheme: Scheme
    secret: Secret

    def headers(self) -> dict[str, str]:
        """The header that carries it."""
        if self.scheme == "key":
            return {wire.HEADER_KEY: self.secret.reveal()}
        return {"authorization": f"Bearer {self.secret.reveal()}"}


Provider = Callable[[], Awaitable[Credential]]
"""Asked before each call, and once more when a hub answers 401."""


def fixed(secret: str, scheme: Scheme = "key") -> Provider:
    """A provider of one credential that never changes. Raises HubUnauthorized when asked, if it cannot be sent."""
    return _Fixed(secret, scheme)


def from_file(path: str | Path, scheme: Scheme = "key", extract: Callable[[str], str] = str.strip) -> Provider:
    """A provider that reads a file, and reads it again when it has changed.

    ``extract`` finds the key in the file's text. Asked, it raises HubUnauthorized while there is no such file, or
    none that can be sent.
    """
    return _File(Path(path), scheme, extract)


class _Fixed:
    def __init__(self, secret: str, scheme: Scheme) -> None:
        self._secret = secret
        self._scheme: Scheme = scheme

    async def __call__(self) -> Credential:
        return _credential(self._secret, self._scheme, "the given credential")


class _File:
    def __init__(self, path: Path, scheme: Scheme, extract: Callable[[str], str]) -> None:
        self._path = path
        self._scheme: Scheme = scheme
        self._extract = extract
        self._known: tuple[tuple[int, int, int], Credential] | None = None

    async def __call__(self) -> Credential:
        return await asyncio.to_thread(self._read)

    def _read(self) -> Credential:
        """A token's file is replaced by renaming, so identity, size and time together tell."""
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if self._known is None or self._known[0] != seen:
                text = self._path.read_text("ascii", errors="replace")
                self._known = seen, _credential(self._extract(text), self._scheme, f"the file {self._path}")
        except OSError as error:
            raise HubUnauthorized(f"the file {self._path} with the hub's {self._scheme}: {error.strerror}") from None
        return self._known[1]


def _credential(text: str, scheme: Scheme, where: str) -> Credential:
    text = text.strip()
    if not text or not all("!" <= character <= "~" for character in text):
        raise HubUnauthorized(f"{where} holds no {scheme}: one word of printable ASCII is expected")
    return Credential(scheme, Secret(text))
