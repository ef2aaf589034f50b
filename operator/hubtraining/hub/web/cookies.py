"""Who has signed in: a cookie that names the key by its hash, signed by the hub's own secret."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

NAME = "hubtraining"
SECONDS = 43_200
"""A working day, and then some."""


@dataclass(frozen=True)
class SignIns:
    """Makes cookies and reads them back. Whether the key is still good is the reader's to ask."""

    secret: bytes

    def __repr__(self) -> str:
        return "SignIns()"

    def cookie(self, key_hash: bytes, now: float) -> str:
        """The value for somebody who has just shown a key."""
        expires = int(now) + SECONDS
        return f"{expires}.{key_hash.hex()}.{self._sign(expires, key_hash)}"

    def read(self, value: str, now: float) -> bytes | None:
        """The key's hash, if we made this cookie and it is still good."""
        expires, _, rest = value.partition(".")
        text, _, signature = rest.partition(".")
        try:
            key_hash = bytes.fromhex(text)
            signed = self._sign(int(expires), key_hash)
        except ValueError:
            return None
        good = signature.isascii() and hmac.compare_digest(signature, signed)
        return key_hash if good and now < int(expires) else None

    def _sign(self, expires: int, key_hash: bytes) -> str:
        message = b"sign-in\n%d\n%s" % (expires, key_hash)
        return base64.urlsafe_b64encode(hmac.new(self.secret, message, hashlib.sha256).digest()).decode()
