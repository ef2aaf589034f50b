"""What a user does with a session, one operation after another, and what must be so after each of them."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx
from support.fault_stage import Stage, masked
from support.wishes import unmet

from hubtraining.domain.names import API_VERSION, KIND, LABEL_ATTEMPT, PLURAL

Body = dict[str, Any]
RUNS_OWN = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "ownerReferences", "generation")
"""What is another in each pod's metadata."""
ATTEMPT = re.compile(r"((?:exit|resume|begun)-UID-|SESSION-|\"attempt\\*\": ?)\d+")


@dataclass
class Player:
    """One session, and how many operations there were."""

    stage: Stage
    session: str
    attempt: int = 1
    operations: int = 0
    uids: list[str] = field(default_factory=list)
    """Of the pods that run."""

    # what the user does

    def create(self, spec: Body) -> None:
        self.operations += 1
        metadata = {"name": self.session}
        self.stage.create({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec})

    def put(self, spec: Body) -> httpx.Response:
        """Replace the spec, whatever the answer."""
        self.operations += 1
        return self._replace(spec)

    def change(self, spec: Body) -> None:
        answer = self.put(spec)
        assert answer.is_success, f"{answer.text}: {json.dumps(spec)}"

    def suspend(self, spec: Body) -> None:
        """Until there are no pods; the next attempt is another one."""
        self.change({**spec, "suspend": True})
        self._until("suspended", lambda body: body["status"]["phase"] == "Suspended" and not self._pods())
        self.attempt += 1

    def take_pod_away(self) -> None:
        """As a person who deletes it."""
        self.operations += 1
        path = f"{self.stage.namespace.path('pods')}/{self.session}-{self.attempt}-0"
        self.stage.namespace.api.http.delete(path).raise_for_status()
        self.attempt += 1

    def delete(self) -> None:
        """Until nothing is left."""
        self.operations += 1
        self.stage.delete(self.session)
        self.stage.until(
            f"{self.session} is gone", lambda: self.stage.session(self.session) is None and not self._pods()
        )

    # what must be so then

    def runs(self, spec: Body) -> None:
        """The pods that run are what the spec asks for, and the status says what there is."""
        body = self._until("running", self._is_running)
        pods, status = self._pods(), body["status"]
        assert unmet(spec, self.session, body["metadata"]["uid"], pods) == [], json.dumps(spec)
        newest = status["attempts"][-1]
        self.uids = sorted(pod["metadata"]["uid"] for pod in pods)
        assert sorted(newest["pods"]) == sorted(pod["metadata"]["name"] for pod in pods)
        assert sorted(newest["podUIDs"]) == self.uids
        assert newest["node"] == self.stage.kubelet.node
        assert (status.get("failures", 0), len(status["attempts"])) == (0, self.attempt)

    def still_runs(self, reason: str = "Accepted") -> None:
        """The same pods as before, whatever the spec says now; the spec is answered."""
        self._until(f"answered with {reason}", lambda body: _accepted(body)["reason"] == reason)
        assert sorted(pod["metadata"]["uid"] for pod in self._pods()) == self.uids
        assert self.stage.phase(self.session) == "Training"

    def is_told(self, reason: str) -> None:
        """There is no pod, and the status says why."""
        body = self._until(f"told of {reason}", lambda body: _accepted(body)["reason"] == reason)
        told = _accepted(body)
        assert told["status"] == "False"
        assert told["message"]
        assert self._pods() == []
        assert body["status"].get("failures", 0) == 0

    def is_as_it_was(self, answer: httpx.Response, before: Body) -> None:
        """The API server has refused a change, and nothing has changed."""
        assert answer.status_code in (400, 422), f"{answer.status_code} {answer.text}"
        after = self.body()
        assert (after["spec"], after["metadata"]["generation"]) == (before["spec"], before["metadata"]["generation"])
        self.still_runs()

    def outcome(self) -> tuple[list[str], Any]:
        """Pods and conditions without what is another for each session and attempt."""
        body = self.body()
        model = body["status"]["model"]["id"]
        conditions = {each["type"]: (each["status"], each["reason"]) for each in body["status"]["conditions"]}
        lasting = {kind: said for kind, said in conditions.items() if kind != "Suspended"}
        return [self._masked(pod, body["metadata"]["uid"], model) for pod in self._pods()], masked(
            lasting, self.session
        )

    # small things

    def _is_running(self, body: Body) -> bool:
        status, pods = body["status"], self._pods()
        of_attempt = {pod["metadata"]["labels"][LABEL_ATTEMPT] for pod in pods}
        leaving = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
        said = (status["phase"], status.get("attempt"), _accepted(body)["reason"])
        return said == ("Training", self.attempt, "Accepted") and of_attempt == {str(self.attempt)} and not leaving

    def _until(self, what: str, is_so: Any) -> Body:
        """Until the status is about this spec, and it is so."""
        found: Body = {}

        def look() -> bool:
            nonlocal found
            found = self.body()
            observed = found.get("status", {}).get("observedGeneration")
            return observed == found["metadata"]["generation"] and bool(is_so(found))

        try:
            self.stage.until(f"{self.session} is {what}", look)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(found)}") from None
        return found

    def body(self) -> Body:
        found = self.stage.session(self.session)
        assert found is not None
        return found

    def _pods(self) -> list[Body]:
        return sorted(self.stage.items("pods", self.session), key=lambda pod: str(pod["metadata"]["name"]))

    def _replace(self, spec: Body) -> httpx.Response:
        """Again where the controller has written its status meanwhile."""
        path = f"{self.stage.namespace.path(PLURAL, API_VERSION)}/{self.session}"
        while True:
            body = {**self.body(), "spec": spec}
            answer = self.stage.namespace.api.http.put(path, json=body, params={"fieldValidation": "Strict"})
            if answer.status_code != 409:
                return answer

    def _masked(self, pod: Body, uid: str, model: str) -> str:
        metadata = {name: value for name, value in pod["metadata"].items() if name not in RUNS_OWN}
        labels = {name: value for name, value in metadata["labels"].items() if name != LABEL_ATTEMPT}
        annotations = {n: value for n, value in metadata.get("annotations", {}).items() if "manifest" not in n}
        spec = json.loads(json.dumps(pod["spec"]))
        for container in spec["containers"]:
            container["env"] = [each for each in container["env"] if each["name"] != "HUBTRAINING_ATTEMPT"]
        text = json.dumps([{**metadata, "labels": labels, "annotations": annotations}, spec], sort_keys=True)
        for mine, word in ((uid, "UID"), (model, "MODEL"), (self.session, "SESSION")):
            text = text.replace(mine, word)
        return ATTEMPT.sub(r"\1N", text)


def _accepted(body: Body) -> Body:
    conditions = body["status"].get("conditions", ())
    return next((each for each in conditions if each["type"] == "Accepted"), {"reason": "", "status": ""})
