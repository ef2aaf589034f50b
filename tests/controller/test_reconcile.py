"""Passes over sessions, from the first to the last: what is done, written and told, whatever fails on the way."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from builders.controller import Site, a_site, settle
from builders.hub import a_checkpoint, session_headers
from builders.pod import PodBuilder, a_pod
from builders.session import a_body
from builders.world import a_checkpoint as a_told_checkpoint
from builders.world import an_outcome
from support.cluster_api import UNANSWERED, UNHEARD, ClusterApi

from hubtraining.controller.cluster.errors import KubeError, KubeRefused, KubeUnavailable
from hubtraining.controller.rules.preparation import REFUSED_SECONDS
from hubtraining.domain.report import CheckpointState, HubState

pytestmark = pytest.mark.looptime

POD = "signs-1-0"
ONCE = {"limit": 0}
"""No second attempt."""
FINAL = a_told_checkpoint(10, CheckpointState.UPLOADED)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with a_site(tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def no_pass_stumbles(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A pass that raises is tried again, and would go unseen."""
    yield
    stumbled = [
        record
        for record in caplog.get_records("call")
        if record.levelname == "ERROR" and record.name.startswith("hubtraining")
    ]
    assert bool(stumbled) == ("cannot_be_understood" in request.node.name)


def run(pod: PodBuilder) -> PodBuilder:
    return pod.training()


def succeed(pod: PodBuilder) -> PodBuilder:
    return pod.ended(outcome=an_outcome(final=FINAL, uploaded=3))


def fail(pod: PodBuilder) -> PodBuilder:
    return pod.ended(code=3, words="Traceback\nValueError: no labels found\n")


# the whole way


async def test_from_nothing_to_a_trained_model(site: Site) -> None:
    site.api.apply(a_body())
    async with site.controller() as controller:
        await settle()
        assert site.phase() == "Pending"
        assert list(site.api.pods) == [("team-a", POD)]
        site.api.kubelet(POD, PodBuilder.fetching)
        await settle()
        assert site.phase() == "Preparing"
        site.api.kubelet(POD, run)
        site.report(controller, 3, latest=a_told_checkpoint(3), uploaded=1)
        await settle()
        assert (site.phase(), site.api.status()["progress"]["epoch"]) == ("Training", 3)
        site.api.kubelet(POD, PodBuilder.trained)
        await settle()
        assert site.phase() == "Finalizing"
        site.api.kubelet(POD, succeed)
        await settle()
    assert site.phase() == "Succeeded"
    assert site.api.condition("CheckpointSafe")["reason"] == "FinalUploaded"
    assert sorted(site.told()) == sorted(
        [
            "Accepted",
            "ModelCreated",
            "AttemptStarted",
            "TrainingStarted",
            *["CheckpointUploaded"] * 2,  # the first, and the final
            "Succeeded",
        ]
    )


async def test_a_trainer_that_fails_is_told_with_code_and_last_words(site: Site) -> None:
    site.api.apply(a_body(retry=ONCE))
    async with site.controller():
        await settle()
        site.api.kubelet(POD, fail)
        await settle()
    (attempt,) = site.api.status()["attempts"]
    assert site.phase() == "Failed"
    assert (attempt["outcome"], attempt["exitCode"], attempt["reason"]) == ("Failed", 3, "TrainerFailed")
    assert attempt["logTail"].endswith("ValueError: no labels found")


async def test_the_model_is_in_status_before_the_pod_exists_and_the_attempt_too(site: Site) -> None:
    """After a crash between any two of them, the next controller must find what was begun."""
    site.api.apply(a_body())
    async with site.controller():
        await settle()
    create = site.api.calls.index(f"create pods {POD}")
    assert "patch status signs" in site.api.calls[:create]
    (model,) = (await site.hub.data("GET", "/v1/models"))["results"]
    assert site.api.status()["model"]["id"] == model["id"]


# what is not written


async def test_a_session_that_goes_on_as_it_was_costs_nothing(site: Site) -> None:
    site.api.apply(a_body())
    async with site.controller() as controller:
        await settle()
        site.api.kubelet(POD, run)
        await settle()
        before = len(site.api.calls)
        for _ in range(100):
            controller.queue.add(("team-a", "signs"))
            await settle(1)
        assert len(site.api.calls) == before


async def test_a_new_controller_that_finds_everything_as_it_was_writes_nothing(site: Site) -> None:
    site.api.apply(a_body())
    async with site.controller():
        await settle()
        site.api.kubelet(POD, run)
        await settle()
    before = list(site.api.calls)
    async with site.controller():
        await settle(60)
    assert site.api.calls == before


async def test_a_finished_session_is_never_touched_again(site: Site) -> None:
    site.api.apply(a_body())
    async with site.controller():
        await settle()
        site.api.kubelet(POD, succeed)
        await settle()
        before = list(site.api.calls)
        site.api.lose(POD)
        await settle(600)
    async with site.controller() as controller:
        site.report(controller, 99)
        await settle(600)
    assert site.api.calls == before


async def test_reports_are_written_no_more_often_than_was_asked_for(site: Site) -> None:
    site.api.apply(a_body(progress={"statusSeconds": 60}))
    async with site.controller() as controller:
        await settle()
        site.api.kubelet(POD, run)
        site.report(controller, 0)
        await settle()
        before = len(site.api.writes)
        for number in range(1, 101):
            site.report(controller, number, epochs=200)
            await settle(6)
        await settle(80)
    assert 8 <= len(site.api.writes) - before <= 11
    assert site.api.status()["progress"]["epoch"] == 100


async def test_a_pod_that_is_scheduled_at_once_costs_one_write_less(site: Site) -> None:
    site.api.apply(a_body())
    site.api.listen(
        lambda kind, resource, _: (
            site.api.kubelet(POD, PodBuilder.on) if (kind, resource) == ("ADDED", "pods") else None
        )
    )
    async with site.controller():
        await settle()
    assert site.api.writes.count("patch status signs") == 2
    assert site.phase() == "Preparing"


async def test_a_hub_that_hangs_costs_one_write_and_one_event(site: Site) -> None:
    class Hanging(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(3600)
            raise AssertionError

    site.transport = Hanging()
    site.api.apply(a_body())
    async with site.controller():
        await settle(30)
        assert site.api.condition("HubReady")["reason"] == "HubUnavailable"
        before = len(site.api.writes)
        await settle(3600)
        assert len(site.api.writes) == before
    assert site.told().count("HubUnavailable") == 1


# faults


FAULTS = [UNHEARD, UNANSWERED, KubeUnavailable("429"), KubeUnavailable("500")]
CALLS = ["create pods", "patch status", "create events"]


@pytest.mark.parametrize("fault", FAULTS, ids=["unheard", "unanswered", "429", "500"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_request_that_fails_is_made_again_and_done_once(site: Site, call: str, fault: KubeError) -> None:
    site.api.fail(call, fault, fault)
    site.api.apply(a_body())
    async with site.controller():
        await settle(30)
        site.api.kubelet(POD, succeed)
        await settle(30)
    assert site.phase() == "Succeeded"
    assert [attempt["number"] for attempt in site.api.status()["attempts"]] == [1]
    assert len((await site.hub.data("GET", "/v1/models"))["results"]) == 1


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("requests", range(1, 13))
async def test_whenever_a_controller_dies_the_next_one_goes_on(site: Site, requests: int, carried_out: bool) -> None:
    """It dies while it waits for the answer to one of its requests, which was or was not carried out."""
    site.api.apply(a_body())
    site.api.cut_off(requests, carried_out=carried_out)
    async with site.controller():
        await live(site.api)
        if ("team-a", POD) in site.api.pods:
            site.api.kubelet(POD, run)
            await live(site.api)
    site.api.cut_off(0, carried_out=False)
    async with site.controller():
        await settle(60)
        site.api.kubelet(POD, run)
        await settle()
    async with site.controller():
        site.api.kubelet(POD, succeed)
        await settle()
    assert site.phase() == "Succeeded"
    assert [attempt["number"] for attempt in site.api.status()["attempts"]] == [1]
    assert len((await site.hub.data("GET", "/v1/models"))["results"]) == 1


async def live(api: ClusterApi) -> None:
    """Until the controller is cut off, or has had time for all that it wanted."""
    with suppress(TimeoutError):
        async with asyncio.timeout(20):
            await api.cut.wait()


async def test_a_change_of_the_session_between_reading_and_writing_is_looked_at_first(site: Site) -> None:
    site.api.lag = 2.0
    site.api.apply(a_body())
    async with site.controller():
        await settle(1)
        site.api.apply(a_body(progress={"statusSeconds": 77}))
        await settle(30)
    assert site.api.status()["observedGeneration"] == 2
    assert site.api.status()["attempt"] == 1


# deletions


async def test_a_deleted_session_is_forgotten_altogether(site: Site) -> None:
    site.api.apply(a_body())
    async with site.controller() as controller:
        await settle()
        site.api.kubelet(POD, run)
        site.report(controller, 1)
        await settle()
        uid = site.uid()
        site.api.delete("signs")
        await settle()
        before = list(site.api.calls)
        await settle(3600)
        assert site.api.calls == before
        assert (len(controller.sessions), len(controller.pods), len(controller.mailbox)) == (0, 0, 0)
        assert controller.pods.last(("team-a", "signs"), uid) == ()


async def test_a_session_that_is_deleted_during_a_write_is_not_brought_back(site: Site) -> None:
    site.api.apply(a_body())
    site.api.listen(
        lambda kind, resource, body: (
            site.api.delete("signs") if kind == "MODIFIED" and body.get("status", {}).get("attempt") else None
        )
    )
    async with site.controller() as controller:
        await settle(60)
        assert len(controller.sessions) == 0
    assert site.api.sessions == {}


async def test_a_new_session_of_an_old_name_begins_afresh(site: Site) -> None:
    site.api.apply(a_body(retry=ONCE))
    async with site.controller():
        await settle()
        site.api.kubelet(POD, fail)
        await settle()
        first = site.uid()
        site.api.delete("signs")
        site.api.apply(a_body())
        await settle()
    assert site.uid() != first
    assert site.phase() == "Pending"
    assert site.api.status()["attempt"] == 1
    (owner,) = site.api.pods["team-a", POD]["metadata"]["ownerReferences"]
    assert owner["uid"] == site.uid()


# what is done to pods, and what is known of those that are gone


async def test_a_strangers_pod_of_our_name_is_left_alone_and_named(site: Site) -> None:
    stranger = a_pod(uid="stranger", session_uid="another").body()
    site.api.pods["team-a", POD] = stranger
    site.api.apply(a_body())
    async with site.controller():
        await settle()
        told = site.api.condition("Accepted")
        assert (told["status"], told["reason"]) == ("False", "PodRefused")
        assert f"A pod named {POD} exists that this session did not make" in told["message"]
        assert site.api.pods["team-a", POD] == stranger
        site.api.lose(POD)
        await settle(REFUSED_SECONDS + 1)
    assert site.api.condition("Accepted")["status"] == "True"
    assert site.api.pods["team-a", POD]["metadata"]["uid"] != "stranger"


async def test_a_refusal_is_told_in_the_api_servers_words_and_tried_again(site: Site) -> None:
    words = 'pods "signs-1-0" is forbidden: exceeded quota: gpus'
    site.api.fail("create pods", *[KubeRefused(words)] * 3)
    site.api.apply(a_body())
    async with site.controller():
        await settle()
        told = site.api.condition("Accepted")
        assert (told["reason"], told["message"]) == ("PodRefused", f"The API server refuses the pod: {words}")
        assert site.told().count("PodRefused") == 1
        await settle(3 * REFUSED_SECONDS)
    assert list(site.api.pods) == [("team-a", POD)]
    assert site.api.condition("Accepted")["status"] == "True"


async def test_a_pod_whose_creation_nobody_answered_is_recognised(site: Site) -> None:
    site.api.fail("create pods", UNANSWERED)
    site.api.lag = 5.0
    site.api.apply(a_body())
    async with site.controller():
        await settle(30)
    assert site.api.writes.count(f"create pods {POD}") == 2
    assert site.api.condition("Accepted")["status"] == "True"
    (attempt,) = site.api.status()["attempts"]
    assert list(attempt["podUIDs"]) == [site.api.pods["team-a", POD]["metadata"]["uid"]]


async def test_pods_of_older_attempts_are_deleted_and_no_others(site: Site) -> None:
    site.api.apply(a_body())
    async with site.controller():
        await settle()
        old = a_pod(uid="old", session_uid=site.uid(), attempt=0).body()
        site.api.pods["team-a", "signs-0-0"] = old
        other = a_pod(session="cars", uid="other", session_uid="another").body()
        site.api.pods["team-a", "cars-1-0"] = other
    async with site.controller():
        await settle()
    assert list(site.api.pods) == [("team-a", POD), ("team-a", "cars-1-0")]
    assert [call for call in site.api.calls if call.startswith("delete")] == ["delete pods signs-0-0"]


async def test_another_pod_that_took_an_old_ones_name_is_not_deleted_for_it(site: Site) -> None:
    site.api.apply(a_body())
    async with site.controller():
        await settle()
    old = a_pod(uid="old", session_uid=site.uid(), attempt=0).body()
    site.api.pods["team-a", "signs-0-0"] = old
    async with site.controller():
        site.api.pods["team-a", "signs-0-0"] = a_pod(uid="young", session_uid="another", attempt=0).body()
        await settle()
    assert site.api.pods["team-a", "signs-0-0"]["metadata"]["uid"] == "young"


async def test_a_pod_that_the_watch_has_not_told_yet_is_not_taken_for_lost(site: Site) -> None:
    site.api.apply(a_body())
    async with site.controller():
        await settle()
        site.api.kubelet(POD, run)
        await settle()
    pod = site.api.pods.pop(("team-a", POD))
    async with site.controller():
        site.api.pods["team-a", POD] = pod  # the list was made before it, the watch is late
        await settle()
    assert site.phase() == "Training"
    assert f"get pods {POD}" in site.api.calls


@pytest.mark.parametrize("trained", [True, False])
async def test_of_a_pod_that_went_while_nobody_looked_the_hub_knows_the_end(site: Site, trained: bool) -> None:
    site.api.apply(a_body())
    async with site.controller():
        await settle()
        site.api.kubelet(POD, run)
        await settle()
    if trained:
        model = site.api.status()["model"]["id"]
        headers = session_headers(site.uid(), 1)
        upload = await site.hub.upload(model, a_checkpoint(), name="best.pt", headers=headers, type="final")
        assert upload.status_code == 200, upload.text
    site.api.lose(POD)
    async with site.controller():
        await settle(60)
    first = site.api.status()["attempts"][0]
    assert first["outcome"] == ("Succeeded" if trained else "Disrupted")
    assert site.phase() == ("Succeeded" if trained else "Pending")
    assert site.api.writes.count(f"create pods {POD}") == 1, "never made again under the same number"
    assert list(site.api.pods) == ([] if trained else [("team-a", "signs-2-0")])


async def test_a_pod_that_was_deleted_while_we_looked_ends_its_attempt_with_its_code(site: Site) -> None:
    site.api.apply(a_body())
    async with site.controller():
        await settle()
        site.api.kubelet(POD, lambda pod: pod.trained(code=143).deleting())
        site.api.lose(POD)
        await settle()
    first = site.api.status()["attempts"][0]
    assert (first["outcome"], first["exitCode"]) == ("Disrupted", 143)
    assert (site.api.status().get("failures", 0), site.api.status()["preemptions"]) == (0, 1)


# what is wrong with the spec, and with the hub


async def test_a_spec_that_cannot_be_used_is_said_and_used_once_it_is_changed(site: Site) -> None:
    site.api.apply(a_body(model="nonsense"))
    async with site.controller():
        await settle()
        told = site.api.condition("Accepted")
        assert (told["status"], told["reason"]) == ("False", "InvalidSpec")
        site.api.apply(a_body())
        await settle()
    assert site.api.condition("Accepted")["status"] == "True"
    assert list(site.api.pods) == [("team-a", POD)]


async def test_an_agents_trouble_with_its_hub_is_told_and_its_end_too(site: Site) -> None:
    site.api.apply(a_body())
    async with site.controller() as controller:
        await settle()
        site.api.kubelet(POD, run)
        site.report(controller, 1, hub=HubState(consecutive_failures=9, buffered_updates=2))
        await settle()
        assert site.api.condition("HubReady")["reason"] == "HubUnavailable"
        site.report(controller, 2, hub=HubState())
        await settle()
        assert site.api.condition("HubReady")["reason"] == "Recovered"


async def test_an_agent_that_falls_silent_is_noticed_in_time(site: Site) -> None:
    site.api.apply(a_body(agent={"heartbeatSeconds": 60}))
    async with site.controller() as controller:
        await settle()
        site.api.kubelet(POD, run)
        site.report(controller, 1)
        await settle(100)
        assert site.api.condition("AgentReporting")["status"] == "True"
        await settle(100)
        assert site.api.condition("AgentReporting")["reason"] == "Silent"


async def test_a_status_that_cannot_be_understood_is_never_written_over(site: Site) -> None:
    site.api.apply(a_body())
    site.api.sessions["team-a", "signs"]["status"] = {"attempt": "many"}
    async with site.controller():
        await settle(600)
    assert site.api.writes == []
