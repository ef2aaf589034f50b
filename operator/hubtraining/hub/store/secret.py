"""The hub's own secrets, one for each purpose, made at the first start."""

import secrets
import sqlite3
from typing import Literal

Purpose = Literal["links", "sign-ins"]


def secret(connection: sqlite3.Connection, purpose: Purpose) -> bytes:
    """Always the same 32 bytes for this data folder."""
    connection.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (purpose, secrets.token_bytes(32)))
    return bytes(connection.execute("SELECT value FROM secrets WHERE name = ?", (purpose,)).fetchone()["value"])
