"""Whatever happens, in whatever order: no two attempts at once, nothing counted twice, and in the end it is quiet.

A state machine of changes of the spec, events of pods, answers of hubs, reports, lost answers, late watches and
crashes, over the real reconciler.
"""

import asyncio
from datetime import timedelta
from typing import Any

import looptime
import msgspec
from builders.pod import stamp
from builders.session import a_spec
from builders.world import a_report, an_outcome
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.little_cluster import KEY, Api, Clock, Controller, LittleHub, unanswered

from hubtraining.controller.cluster.errors import KubeConflict
from hubtraining.controller.queue import Later
from hubtraining.controller.rules.status import read
from hubtraining.domain.report import HubState, Stage
from hubtraining.domain.status import OUTCOMES, PHASES, SessionStatus

FINAL = OUTCOMES[3:]
SEVERAL = {
    "nodes": 2,
    "trainer": {"image": "example/trainer:1", "command": ["torchrun", "train.py"]},
    "workspace": {"claimName": "shared"},
}
LIMITS = {"startDeadlineSeconds": 4000, "activeDeadlineSeconds": 9000, "ttlSecondsAfterFinished": 5000}
STALLS = {"stall": {"afterSeconds": 700, "action": "Restart"}, "agent": {"heartbeatSeconds": 3600}}
DISRUPTIONS = ("PreemptionByScheduler", "EvictionByEvictionAPI", "DeletionByTaintManager")
WORDS = ("", "CUDA out of memory", "CUDA error: uncorrectable ECC error encountered")
Body = dict[str, Any]

_seldom = st.sampled_from([False] * 5 + [True])


class Machine(RuleBasedStateMachine):
    """One session's life."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop()
        self.clock = Clock()
        self.api, self.hub = Api(self.clock), LittleHub(self.clock)
        self.controller = Controller(self.api, self.hub, self.clock)
        self.old = self.api.snapshot()
        self.before = SessionStatus()
        self.spec: Body = {}
        self.sequence = 0

    def teardown(self) -> None:
        try:
            self._settle()
        finally:
            self.loop.close()

    # the user

    @initialize(nodes=st.booleans(), limits=st.booleans(), stalls=st.booleans(), claim=st.booleans())
    def create(self, nodes: bool, limits: bool, stalls: bool, claim: bool) -> None:
        own = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
        workspace = {"workspace": {"claimTemplate": {"spec": own}}} if claim else {}
        self.spec = a_spec(
            **{**(SEVERAL if nodes else {}), **(LIMITS if limits else {}), **(STALLS if stalls else {}), **workspace}
        )
        self._apply()

    @rule(suspend=_seldom)
    def suspend(self, suspend: bool) -> None:
        self._apply(suspend=suspend)

    @rule(limit=st.integers(0, 4))
    def change_the_limit(self, limit: int) -> None:
        self._apply(retry={"limit": limit, "backoffSeconds": 5, "maxBackoffSeconds": 60})

    @rule(action=st.sampled_from(["Fail", "Retry", "RetryOnOtherNode", "Ignore"]))
    def change_the_rules(self, action: str) -> None:
        self._apply(failureRules=[{"name": "mine", "onExitCodes": [7], "action": action}])

    @rule(
        start=st.sampled_from([None, 60, 4000]),
        active=st.sampled_from([None, 60, 9000]),
        expiry=st.sampled_from([None, 0, 5000]),
    )
    def change_the_deadlines(self, start: int | None, active: int | None, expiry: int | None) -> None:
        wanted = {"startDeadlineSeconds": start, "activeDeadlineSeconds": active, "ttlSecondsAfterFinished": expiry}
        self.spec = {name: value for name, value in self.spec.items() if name not in wanted}
        self.spec |= {name: value for name, value in wanted.items() if value is not None}
        self._apply(suspend=self.spec.get("suspend", False))

    @rule(after=st.sampled_from([0, 60, 700]), action=st.sampled_from(["Notify", "Restart", "Fail"]))
    def change_the_stall(self, after: int, action: str) -> None:
        self._apply(stall={"afterSeconds": after, "action": action})

    @rule(image=st.sampled_from(["example/trainer:1", "example/trainer:2"]))
    def change_the_trainer(self, image: str) -> None:
        self._apply(trainer={**self.spec["trainer"], "image": image})

    @rule(broken=_seldom)
    def break_or_mend_the_spec(self, broken: bool) -> None:
        self._apply(train={"args": {"data": "signs.yaml", "epochs": 10, **({"project": "x"} if broken else {})}})

    @precondition(lambda self: self.api.session is not None)
    @rule(sure=st.integers(0, 19))
    def delete(self, sure: int) -> None:
        if sure == 19:
            self.api.collect()
            self.controller.hear_of_session()

    # time, hub, watch, passes

    @rule(seconds=st.sampled_from([1, 5, 60, 700, 4000]))
    def wait(self, seconds: int) -> None:
        self._wait(seconds)

    @rule(seconds=st.sampled_from([0, 5, 30, 60]), passes=st.integers(1, 5))
    def go_on(self, seconds: int, passes: int) -> None:
        """As it mostly is: the watch tells, the hub answers, and passes are made."""
        self._wait(seconds)
        self._everything_is_told()
        for _ in range(passes):
            self._answered_pass()

    @rule(fails=_seldom, trained=st.booleans())
    def answer_of_the_hub(self, fails: bool, trained: bool) -> None:
        self.hub.works, self.hub.trained = not fails, trained and self._trained_well()
        self.hub.answer()

    @rule(refuses=_seldom)
    def quota(self, refuses: bool) -> None:
        self.api.refuses = refuses

    @rule()
    def watch_the_session(self) -> None:
        self.controller.hear_of_session()

    @rule(most=st.integers(1, 3))
    def watch_pods(self, most: int) -> None:
        self.controller.hear_of_pods(most)

    @rule(times=st.integers(1, 4))
    def look(self, times: int) -> None:
        self.hub.answer()
        for _ in range(times):
            self._pass()

    @rule(write=st.integers(1, 3), conflict=st.booleans())
    def lose_an_answer(self, write: int, conflict: bool) -> None:
        left = [write]

        def fault() -> Exception | None:
            left[0] -= 1
            return (KubeConflict("changed") if conflict else unanswered()) if left[0] == 0 else None

        self.api.fault = fault
        self._pass()
        self._pass()
        self.api.fault = lambda: None

    @rule()
    def crash(self) -> None:
        self.hub.forget()
        self.controller = Controller(self.api, self.hub, self.clock)

    @rule()
    def remember(self) -> None:
        """Somewhere a cache keeps what is so now."""
        self.old = self.api.snapshot()

    @rule(passes=st.integers(1, 3), pods_too=st.booleans())
    def crash_and_begin_with_an_old_list(self, passes: int, pods_too: bool) -> None:
        self.hub.forget()
        session, pods = self.old
        old = (session, pods if pods_too else self.api.pods)
        self.controller = Controller(self.api, self.hub, self.clock, old)
        for _ in range(passes):
            self._answered_pass()
        self.controller.relist()

    # pods

    @precondition(lambda self: self.api.pods)
    @rule()
    def start(self) -> None:
        """Every pod comes as far as to train."""
        for name, pod in self.api.pods.items():
            if not pod["spec"].get("nodeName"):
                self.api.change(name, spec={"nodeName": "node-1"})
            if pod["status"]["phase"] == "Pending":
                self._containers(name, "Running", {"running": {"startedAt": self._moment()}})
        self._everything_is_told()
        self._answered_pass()

    @precondition(lambda self: self.api.pods)
    @rule(data=st.data())
    def advance(self, data: st.DataObject) -> None:
        """The scheduler or the kubelet brings a pod one step further."""
        name = data.draw(st.sampled_from(sorted(self.api.pods)))
        pod = self.api.pods[name]
        if pod["status"]["phase"] in ("Succeeded", "Failed"):
            return
        if not pod["spec"].get("nodeName"):
            self.api.change(name, spec={"nodeName": data.draw(st.sampled_from(["node-1", "node-2"]))})
        elif pod["status"]["phase"] == "Pending":
            self._containers(name, "Running", {"running": {"startedAt": self._moment()}})
        else:
            self._end(name, data.draw(st.sampled_from([0, 0, 1, 7, 137])), data.draw(st.sampled_from(WORDS)))

    @precondition(lambda self: self.api.pods)
    @rule(data=st.data(), reason=st.sampled_from(DISRUPTIONS))
    def disrupt(self, data: st.DataObject, reason: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.api.pods)))
        if self.api.pods[name]["status"]["phase"] in ("Succeeded", "Failed"):
            return
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": reason,
            "lastTransitionTime": self._moment(),
        }
        self.api.change(name, status={"conditions": [condition]})
        self.api.ask_to_go(name, None)

    @precondition(lambda self: self.api.pods)
    @rule(data=st.data(), code=st.sampled_from([143, 1, 0]))
    def finish_deletion(self, data: st.DataObject, code: int) -> None:
        """A pod that was asked to go ends, and is gone."""
        going = sorted(name for name, pod in self.api.pods.items() if "deletionTimestamp" in pod["metadata"])
        if going:
            self._go(data.draw(st.sampled_from(going)), code)

    @precondition(lambda self: self.api.pods)
    @rule(data=st.data(), how=st.sampled_from(["deleted", "lost", "evicted"]))
    def take_away(self, data: st.DataObject, how: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.api.pods)))
        if how == "deleted":
            self.api.ask_to_go(name, None)
        elif how == "lost":
            self.api.remove(name)
        elif self.api.pods[name]["status"]["phase"] == "Running":
            self.api.change(name, status={"phase": "Failed", "reason": "Evicted", "message": "memory"})

    @precondition(lambda self: self.api.pods)
    @rule(
        epoch=st.integers(1, 10),
        resumed=st.none() | st.integers(0, 5),
        stage=st.sampled_from(list(Stage)),
        failures=st.sampled_from([0, 0, 3]),
        late=_seldom,
    )
    def report(self, epoch: int, resumed: int | None, stage: Stage, failures: int, late: bool) -> None:
        """Of the newest agent, or ``late`` of one that has gone; the hub answers it or does not."""
        session = self.controller.sessions.get(KEY)
        lead = next((pod for pod in self.controller.pods if pod.node_index == 0), None)
        if session is None or lead is None:
            return
        self.sequence += 1
        fields = {"session_uid": session.uid, "sequence": self.sequence, "time": self.clock.now, "stage": stage}
        hub = HubState("agent-1", self.clock.now, consecutive_failures=failures, buffered_updates=failures)
        attempt = max(1, lead.attempt - late)
        told = a_report(epoch, attempt=attempt, uploaded=epoch, resumed_epoch=resumed, hub=hub, **fields)
        self.controller.mailbox.put(told, self.clock.now)

    # what always holds

    @invariant()
    def one_attempt_at_a_time(self) -> None:
        attempts = {attempt for attempt, _, uid in self.api.created if self._is_there(uid)}
        assert len(attempts) <= 1

    @invariant()
    def the_status_is_legal(self) -> None:
        if self.api.session is None:
            return
        status = read(self.api.session.get("status") or {})
        before, self.before = self.before, status
        assert status.phase in ("", *PHASES)
        assert {each.outcome for each in status.attempts} <= set(OUTCOMES)
        assert status.failures >= before.failures
        assert status.preemptions >= before.preemptions
        assert status.attempt >= before.attempt
        assert (status.active_seconds or 0) >= (before.active_seconds or 0)
        assert (status.gpu_seconds or 0) >= (before.gpu_seconds or 0)
        assert [each.number for each in status.attempts] == _numbers(status)
        assert all(not each.is_open for each in status.attempts[:-1])
        self._check_attempts(before, status)
        self._check_end(before, status)

    def _check_attempts(self, before: SessionStatus, status: SessionStatus) -> None:
        """What has ended does not change, and was counted when it ended."""
        known = {each.number: each for each in before.attempts}
        ends = []
        for attempt in status.attempts:
            old = known.get(attempt.number)
            assert (attempt.end_time is None) == (attempt.outcome not in FINAL)
            if old is not None and not old.is_open:
                assert attempt == old
            elif not attempt.is_open:
                ends.append(attempt.outcome)
        assert status.failures - before.failures == ends.count("Failed")
        assert status.preemptions - before.preemptions == ends.count("Disrupted")

    def _check_end(self, before: SessionStatus, status: SessionStatus) -> None:
        """An end is an end."""
        if before.completion_time is not None:
            assert status == before
        summary = next((each for each in status.conditions if each.type == "Succeeded"), None)
        ended = summary is not None and summary.status != "Unknown"
        assert ended == (status.completion_time is not None)
        assert (status.phase == "Succeeded") == (summary is not None and summary.status == "True")
        if status.phase == "Succeeded":
            assert status.attempts[-1].outcome == "Succeeded"

    # in the end

    def _settle(self) -> None:
        """Faults stop, everything is told, pods that were asked to go are gone: then it is quiet."""
        if self.api.session is None and not self.api.pods:
            return
        self.api.fault, self.api.refuses, self.hub.works = (lambda: None), False, True
        quiet = 0
        for _ in range(100):
            self._everything_is_told()
            for name in [name for name, pod in self.api.pods.items() if "deletionTimestamp" in pod["metadata"]]:
                self._go(name, 143)
            writes = self.api.writes
            waits = [self._answered_pass() for _ in range(3)]
            quiet = quiet + 1 if writes == self.api.writes and not self.api.told else 0
            if quiet == 4:
                break
            self._wait(min((wait for wait in waits if wait), default=1.0))
        else:
            raise AssertionError("it never becomes quiet")
        self._check_quiet()

    def _check_quiet(self) -> None:
        """A controller that begins anew has nothing to say, and nothing to do."""
        writes = self.api.writes
        self.crash()
        for _ in range(4):
            self._answered_pass()
        assert self.api.writes == writes
        if self.api.session is not None and self.before.phase == "Suspended":
            assert self.api.pods == {}

    def _answered_pass(self) -> float | None:
        self.hub.answer()
        return self._pass()

    def _everything_is_told(self) -> None:
        self.hub.answer()
        self.controller.hear_of_session()
        self.controller.hear_of_pods()

    # small things

    def _apply(self, **stanzas: Any) -> None:
        self.spec = {**self.spec, **stanzas}
        if self.api.session is not None or not stanzas:
            self.api.apply(self.spec)
            self.controller.hear_of_session()

    def _pass(self) -> float | None:
        try:
            return self.loop.run_until_complete(self.controller.reconcile(KEY))
        except Later:
            return 1.0
        finally:
            self.the_status_is_legal()

    def _wait(self, seconds: float) -> None:
        """By the wall's clock and by the loop's."""
        self.clock.now += timedelta(seconds=seconds)
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def _moment(self) -> str:
        return stamp(self.clock.now.replace(microsecond=0))

    def _is_there(self, uid: str) -> bool:
        return any(pod["metadata"]["uid"] == uid for pod in self.api.pods.values())

    def _trained_well(self) -> bool:
        return bool(self.before.attempts) and self.before.attempts[-1].training_time is not None

    def _containers(self, name: str, phase: str, trainer: Body, agent: Body | None = None) -> None:
        pod = self.api.pods[name]
        inits: list[Body] = [{"name": "fetch", "state": {"terminated": {"exitCode": 0}}}]
        if pod["metadata"]["labels"]["hubtraining.dev/node-index"] == "0":
            inits.insert(0, {"name": "agent", "state": agent or {"running": {"startedAt": self._moment()}}})
        listed = {"initContainerStatuses": inits, "containerStatuses": [{"name": "trainer", "state": trainer}]}
        self.api.change(name, status={"phase": phase, **listed})

    def _end(self, name: str, code: int, words: str = "") -> None:
        pod = self.api.pods[name]
        state = pod["status"]["containerStatuses"][0]["state"] if "containerStatuses" in pod["status"] else {}
        began = state.get("running", {}).get("startedAt", self._moment())
        ended = {"exitCode": code, "message": words, "startedAt": began, "finishedAt": self._moment()}
        last = {"terminated": {"exitCode": 0, "message": an_outcome(exit_code=code, epoch=3)}}
        self._containers(name, "Succeeded" if code == 0 else "Failed", {"terminated": ended}, last)

    def _go(self, name: str, code: int) -> None:
        if self.api.pods[name]["status"]["phase"] == "Running":
            self._end(name, code)
        self.api.remove(name)


def _numbers(status: SessionStatus) -> list[int]:
    return list(range(status.attempt - len(status.attempts) + 1, status.attempt + 1))


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_the_machine_knows_every_field_of_the_status() -> None:
    """The comparison of statuses above is of all fields: structs compare by value."""
    assert msgspec.structs.replace(SessionStatus(), failures=1) != SessionStatus()
