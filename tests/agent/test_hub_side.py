"""The epoch that a hub's link names; the rest is tried in test_beginning."""

import pytest

from hubtraining.agent.hub_side import named_epoch


@pytest.mark.parametrize(
    ("link", "epoch"),
    [
        ("https://hub/v1/files/abc/123.sig/MODELID-epoch-11.pt", 12),
        ("https://storage/users/u/models/m/epoch-0.pt?X-Goog-Signature=a/epoch-9.pt", 1),
        ("https://storage/users/u/models%2Fm%2Fepoch-4.pt", 5),
        ("https://hub/files/best.pt", None),
        ("https://hub/files/epoch-.pt", None),
        ("https://hub/files/epoch-3.zip", None),
        ("https://hub/files/myepoch-3.pt", None),
        ("", None),
    ],
)
def test_the_name_of_the_file_tells_its_epoch(link: str, epoch: int | None) -> None:
    assert named_epoch(link) == epoch
