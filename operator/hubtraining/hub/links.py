"""Download links that carry their own authorisation: plain GET, no header, valid for a while."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import quote

from hubtraining.hub import wire

UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def file_name(name: str, ending: str) -> str:
    """``name`` as a harmless file name with this ending: clients use the last segment of a link as local name."""
    stem = UNSAFE.sub("-", name.removesuffix(ending)).strip(".-") or "file"
    return f"{stem[:128]}{ending}"


@dataclass(frozen=True)
class Links:
    """Makes links and reads them back.

    ``secret``: known to this hub alone, so that a link survives a restart. ``seconds``: how long a link is good,
    at least; equal calls within half that time give the same link, so caches and comparisons work.
    """

    secret: bytes
    seconds: int

    def __repr__(self) -> str:
        return f"Links(seconds={self.seconds})"

    def path(self, sha256: str, name: str, now: float) -> str:
        """The path, from the root of the hub, of the file with this content under this name."""
        step = max(self.seconds // 2, 1)
        expires = (int(now) // step + 1) * step + self.seconds
        return f"{wire.FILES}/{sha256}/{expires}.{self._sign(sha256, expires, name)}/{quote(name)}"

    def allows(self, sha256: str, permit: str, name: str, now: float) -> bool:
        """Did we make this link, and is it still good?"""
        expires, _, signature = permit.partition(".")
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12 and signature.isascii()):
            return False
        good = hmac.compare_digest(signature, self._sign(sha256, int(expires), name))
        return good and now <= int(expires)

    def _sign(self, sha256: str, expires: int, name: str) -> str:
        message = f"{sha256}\n{expires}\n{name}".encode()
        digest = hmac.new(self.secret, message, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:24]).decode()
