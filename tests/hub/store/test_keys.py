"""API keys."""

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

import pytest

from hubtraining.hub import wire
from hubtraining.hub.store import keys
from hubtraining.hub.store.database import prepare


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    connection = prepare(tmp_path / "db")
    yield connection
    connection.close()


def test_a_key_has_the_form_that_old_clients_can_split(connection: Connection) -> None:
    made = {keys.create(connection, "a", 0) for _ in range(50)}
    assert len(made) == 50
    assert all(len(key) == wire.API_KEY_LENGTH and key.isascii() and key.isalnum() for key in made)


def test_a_key_is_known_by_its_holder_and_stored_nowhere(connection: Connection) -> None:
    key = keys.create(connection, "laptop", 0)
    assert keys.holder(connection, key) == "laptop"
    assert keys.holder(connection, key[:-1]) is None
    assert keys.holder(connection, "\udcff") is None
    assert key not in "".join(str(tuple(row)) for row in connection.execute("SELECT * FROM keys"))


def test_a_name_may_have_several_keys_which_end_together(connection: Connection) -> None:
    made = [keys.create(connection, "a", 0), keys.create(connection, "a", 1), keys.create(connection, "b", 2)]
    assert keys.revoke(connection, "a", 5) == 2
    assert [keys.holder(connection, key) for key in made] == [None, None, "b"]
    assert keys.revoke(connection, "a", 6) == 0
    assert [record.revoked_at for record in keys.records(connection)] == [5, 5, None]


def test_one_key_can_be_revoked_by_its_id(connection: Connection) -> None:
    made = [keys.create(connection, "a", 0), keys.create(connection, "a", 1)]
    first = keys.records(connection)[0]
    assert keys.revoke(connection, first.id, 5) == 1
    assert [keys.holder(connection, key) for key in made] == [None, "a"]


@pytest.mark.parametrize("text", ["", "%", "a%", "________", "ABC", "%%%%%%%%%%"])
def test_no_text_revokes_by_accident(connection: Connection, text: str) -> None:
    keys.create(connection, "laptop", 0)
    assert keys.revoke(connection, text, 5) == 0
