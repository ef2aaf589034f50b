"""The leader leads reports to itself, and writes only when they would go elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

import pytest

from hubtraining.controller.cluster.errors import KubeNotFound, KubeUnavailable
from hubtraining.controller.leading.endpoints import LOOK_SECONDS, Place, ReportsEndpoint, endpoint_slice, within

pytestmark = pytest.mark.looptime

Body = dict[str, Any]
ONE = Place("system", "reports", "controller-a", "10.1.2.3", 8081)
TWO = Place("system", "reports", "controller-b", "10.1.2.4", 8081)


class Slices:
    """An API server that adds defaults, as the real one does."""

    def __init__(self) -> None:
        self.uid = "service-1"
        self.kept: dict[str, Body] = {}
        self.writes = 0
        self.failures: list[Exception] = []

    async def service(self, name: str) -> Body:
        if self.failures:
            raise self.failures.pop(0)
        return {"metadata": {"name": name, "uid": self.uid}}

    async def get(self, name: str) -> Body | None:
        return self.kept.get(name)

    async def apply(self, body: Body) -> Body:
        self.writes += 1
        kept = deepcopy(body)
        kept["metadata"] |= {"resourceVersion": str(self.writes), "generation": self.writes}
        kept["endpoints"][0]["nodeName"] = None
        self.kept[body["metadata"]["name"]] = kept
        return kept

    def addresses(self) -> list[str]:
        (only,) = self.kept.values()
        return [address for endpoint in only["endpoints"] for address in endpoint["addresses"]]


@asynccontextmanager
async def leading(slices: Slices, place: Place = ONE) -> AsyncIterator[None]:
    task = asyncio.create_task(ReportsEndpoint(slices, place, lambda tries: 2.0**tries).run())
    try:
        await asyncio.sleep(1)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_is_written_once_and_then_left_alone() -> None:
    slices = Slices()
    async with leading(slices):
        assert slices.addresses() == ["10.1.2.3"]
        await asyncio.sleep(20 * LOOK_SECONDS)
    assert slices.writes == 1


async def test_the_next_leader_takes_it_over() -> None:
    slices = Slices()
    async with leading(slices):
        pass
    async with leading(slices, TWO):
        assert slices.addresses() == ["10.1.2.4"]
    assert slices.writes == 2


async def test_a_leader_that_was_it_before_has_nothing_to_write() -> None:
    slices = Slices()
    async with leading(slices):
        pass
    async with leading(slices):
        pass
    assert slices.writes == 1


@pytest.mark.parametrize("damage", ["deleted", "edited", "service replaced"])
async def test_what_somebody_else_changed_is_put_right(damage: str) -> None:
    slices = Slices()
    async with leading(slices):
        if damage == "deleted":
            slices.kept.clear()
        elif damage == "edited":
            slices.kept["reports"]["endpoints"][0]["addresses"] = ["10.9.9.9"]
        else:
            slices.uid = "service-2"
        await asyncio.sleep(LOOK_SECONDS + 1)
        assert slices.addresses() == ["10.1.2.3"]
        assert slices.kept["reports"]["metadata"]["ownerReferences"][0]["uid"] == slices.uid


async def test_it_is_tried_again_when_the_api_server_does_not_answer_or_the_service_is_not_there_yet() -> None:
    slices = Slices()
    slices.failures = [KubeUnavailable("no answer"), KubeNotFound("services not found")]
    async with leading(slices):
        await asyncio.sleep(3)
        assert slices.addresses() == ["10.1.2.3"]


def test_the_slice_belongs_to_the_service_and_no_controller_of_kubernetes_touches_it() -> None:
    metadata = endpoint_slice(ONE, "service-1")["metadata"]
    assert metadata["labels"]["kubernetes.io/service-name"] == "reports"
    assert metadata["labels"]["endpointslice.kubernetes.io/managed-by"] == "controller.hubtraining.dev"
    assert metadata["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Service", "name": "reports", "uid": "service-1"}
    ]


@pytest.mark.parametrize(("address", "kind"), [("10.1.2.3", "IPv4"), ("fd00::7", "IPv6")])
def test_the_slice_is_of_the_addresss_family(address: str, kind: str) -> None:
    assert endpoint_slice(ONE._replace(address=address), "service-1")["addressType"] == kind


def test_defaults_that_the_api_server_added_are_no_difference_but_another_value_is() -> None:
    wanted = {"a": [{"b": 1}], "c": "d"}
    assert within(wanted, {"a": [{"b": 1, "x": None}], "c": "d", "y": {}})
    assert not within(wanted, {"a": [{"b": 2}], "c": "d"})
    assert not within(wanted, {"a": [{"b": 1}, {"b": 1}], "c": "d"})
    assert not within(wanted, {"a": {}, "c": "d"})
    assert not within(wanted, {"a": [{"b": 1}]})
    assert not within(wanted, None)
