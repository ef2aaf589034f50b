"""Metrics by epoch."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from hubtraining.hub.store import metrics
from hubtraining.hub.store.database import prepare

VALUES = st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.integers(-5, 5)), max_size=3)
POSTS = st.lists(st.dictionaries(st.integers(0, 4), VALUES, max_size=3), max_size=6)


@settings(max_examples=40, deadline=None)
@given(posts=POSTS)
def test_the_last_value_of_each_name_and_epoch_wins(posts: list[dict[int, metrics.Values]]) -> None:
    wanted: dict[str, dict[str, float | int | None]] = {}
    with TemporaryDirectory() as folder:
        connection = prepare(Path(folder) / "db")
        for post in posts:
            metrics.put(connection, "m", post, 0.0)
            for epoch, values in post.items():
                for name, value in values.items():
                    wanted.setdefault(name, {})[str(epoch)] = value
        series = metrics.series(connection, "m")
        connection.close()
    assert {item["meta"]["name"]: item["data"] for item in series} == wanted
