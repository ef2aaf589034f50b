"""Agents and their ids."""

from pathlib import Path

from hubtraining.hub.callers import Writer
from hubtraining.hub.store import agents
from hubtraining.hub.store.database import prepare


def test_agents_that_never_keep_their_id_do_not_fill_the_table(tmp_path: Path) -> None:
    connection = prepare(tmp_path / "db")
    for beat in range(200):
        agents.beat(connection, "m", None, "x", None, float(beat))
    count = connection.execute("SELECT count(*) FROM agents").fetchone()[0]
    connection.close()
    assert count <= agents.MAX_AGENTS + 1


def test_an_agent_that_was_silent_for_a_day_gets_a_new_id(tmp_path: Path) -> None:
    connection = prepare(tmp_path / "db")
    first = agents.beat(connection, "m", None, "x", None, 0.0)
    agents.beat(connection, "m", None, "y", None, agents.FORGET_SECONDS + 1.0)
    assert agents.beat(connection, "m", first, "x", None, agents.FORGET_SECONDS + 2.0) != first
    connection.close()


def test_agents_of_another_model_are_strangers(tmp_path: Path) -> None:
    connection = prepare(tmp_path / "db")
    writer = Writer("a", 1)
    first = agents.beat(connection, "m", None, "x", writer, 0.0)
    assert agents.beat(connection, "other", first, "x", writer, 1.0) != first
    assert agents.beat(connection, "m", None, "x", writer, 2.0) == first
    connection.close()
