"""API keys: shown once, kept as a hash.

A key is random, so a plain SHA-256 says no more of it than a slow hash would.
"""

import hashlib
import secrets
import sqlite3
import string
from dataclasses import dataclass

from hubtraining.hub import wire

ALPHABET = string.ascii_letters + string.digits
"""Nothing that old clients split identifiers at (``_ . / \\``)."""


@dataclass(frozen=True)
class KeyRecord:
    """What is known of a key; ``id`` is the start of its hash."""

    id: str
    name: str
    created_at: float
    revoked_at: float | None


def new_id() -> str:
    """A fresh model id; data sets and projects use the same form."""
    return "".join(secrets.choice(ALPHABET) for _ in range(wire.MODEL_ID_LENGTH))


def create(connection: sqlite3.Connection, name: str, now: float) -> str:
    """A new key, which is stored nowhere. A name may have several, so that one can follow another."""
    key = "".join(secrets.choice(ALPHABET) for _ in range(wire.API_KEY_LENGTH))
    connection.execute("INSERT INTO keys VALUES (?, ?, ?, NULL)", (key_hash(key), name, now))
    return key


def holder(connection: sqlite3.Connection, key: str) -> str | None:
    """The name of a key that is valid, else None."""
    return holder_of_hash(connection, key_hash(key))


def holder_of_hash(connection: sqlite3.Connection, known: bytes) -> str | None:
    """The same for a key of which only the hash is at hand."""
    row = connection.execute("SELECT name FROM keys WHERE hash = ? AND revoked_at IS NULL", (known,)).fetchone()
    return None if row is None else str(row["name"])


def revoke(connection: sqlite3.Connection, name_or_id: str, now: float) -> int:
    """End all keys of this name, or the one of this id; returns how many that were."""
    query = "UPDATE keys SET revoked_at = ? WHERE revoked_at IS NULL AND (name = ? OR lower(hex(hash)) LIKE ? || '%')"
    prefix = name_or_id.lower() if len(name_or_id) >= 8 and name_or_id.isalnum() else "-"
    return connection.execute(query, (now, name_or_id, prefix)).rowcount


def records(connection: sqlite3.Connection) -> list[KeyRecord]:
    """All keys, oldest first."""
    rows = connection.execute("SELECT * FROM keys ORDER BY created_at, hash")
    return [KeyRecord(row["hash"].hex()[:12], row["name"], row["created_at"], row["revoked_at"]) for row in rows]


def key_hash(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
