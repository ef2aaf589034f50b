"""Which networks a cluster takes."""

from ipaddress import IPv4Network

import pytest

from cluster.addresses import SLOTS, Addresses, free_slot, routes


def test_a_slot_decides_every_address() -> None:
    third = Addresses(3)
    assert (third.host, third.node) == ("10.187.3.1", "10.187.3.2")
    assert (third.api, third.dns) == ("10.189.3.1", "10.189.3.10")
    assert third.pods == IPv4Network("10.188.3.0/24")
    assert third.device == third.cgroup == "ht3"


def test_no_two_clusters_share_an_address() -> None:
    every = [
        network for slot in SLOTS for network in (Addresses(slot).link, Addresses(slot).pods, Addresses(slot).services)
    ]
    assert len({network.network_address for network in every}) == 3 * len(SLOTS)


def test_a_device_name_is_short_enough_for_the_kernel() -> None:
    assert all(len(Addresses(slot).device) <= 15 for slot in SLOTS)


@pytest.mark.parametrize("taken", ["10.187.1.0/30", "10.188.1.0/24", "10.189.0.0/16", "10.0.0.0/8", "10.188.1.7/32"])
def test_a_slot_clashes_with_a_network_that_overlaps(taken: str) -> None:
    assert Addresses(1).clashes([IPv4Network(taken)])


def test_a_slot_does_not_clash_with_its_neighbour() -> None:
    assert not Addresses(1).clashes([Addresses(2).link, Addresses(2).pods, Addresses(2).services])


def test_the_lowest_free_slot_is_taken() -> None:
    assert free_slot([], []) == 1
    assert free_slot([1, 3], []) == 2
    assert free_slot([1], [Addresses(2).pods]) == 3


def test_there_is_no_slot_when_all_are_taken() -> None:
    assert free_slot(SLOTS, []) is None
    assert free_slot([], [IPv4Network("10.0.0.0/8")]) is None


def test_routes_are_read_from_what_ip_prints() -> None:
    printed = [
        "default via 192.0.2.1 dev eth0",
        "10.187.1.0/30 dev ht1 proto kernel scope link src 10.187.1.1",
        "192.0.2.0/24 dev eth0 scope link",
        "local 127.0.0.0/8 dev lo table local",
        "local 10.187.1.1 dev ht1 table local",
        "broadcast 127.255.255.255 dev lo table local",
        "unreachable 10.9.0.0/16",
        "",
    ]
    found = [str(network) for network in routes(printed)]
    assert found == ["10.187.1.0/30", "192.0.2.0/24", "127.0.0.0/8", "10.187.1.1/32"]
