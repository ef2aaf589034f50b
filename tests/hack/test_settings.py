"""What is remembered about a cluster."""

from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.paths import Layout
from cluster.settings import Ports, Settings, existing, free_ports, load, save


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    layout = Layout("dev", tmp_path)
    settings = Settings(slot=7, ports=Ports(api=1, etcd=2, peer=3), audit=True)
    save(layout, settings)
    assert load(layout) == settings


def test_a_cluster_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert load(Layout("dev", tmp_path)) is None
    with pytest.raises(ClusterError, match="there is no cluster 'dev'"):
        existing(Layout("dev", tmp_path))


def test_free_ports_are_three_different_ones() -> None:
    ports = free_ports()
    assert len({ports.api, ports.etcd, ports.peer}) == 3
    assert min(ports.api, ports.etcd, ports.peer) > 1024
