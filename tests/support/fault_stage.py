"""A whole installation under faults: proxies before API server and hub, a kubelet, and a controller that is restarted.

A scenario is played on it once without a fault; then again and again with one, and must end the same way.
"""

import os
import re
import signal
import ssl
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
from builders.session import a_body
from support.api_server import Namespace
from support.controller_process import ControllerProcess, start
from support.fault_proxy import Asked, FaultProxy, a_proxy
from support.faults import rounds
from support.installation import Installation, installed
from support.kubelet import SUCCESS, Kubelet, a_kubelet

from hubtraining.controller.program import LEASE_LOST
from hubtraining.domain.names import API_VERSION, LABEL_SESSION, PLURAL

FULL = rounds(0, 1) == 1
"""Whether everything is run, or a part."""

Body = dict[str, Any]
PATIENCE_SECONDS = 600.0
"""A hub that fails is asked ever more rarely: five failures of one session in a row take minutes."""
QUIET_SECONDS = 1.5
KILLED = -signal.SIGKILL
MODEL = re.compile(r"/models/\w+")
MASKED = ("Time", "UIDs", "resourceVersion", "gpuSeconds", "activeSeconds", "observedGeneration")


class Scenario(Protocol):
    """What a user does, what the pods do, and when it is over."""

    name: str
    makes: tuple[str, ...]
    """Every pod that there is ever, by attempt and node."""

    def begin(self, stage: "Stage", session: str) -> None:
        """What the user does at first."""

    def go_on(self, stage: "Stage", session: str) -> bool:
        """Looked at all the time: what the user does later; returns whether the end is reached."""


@dataclass
class Outcome:
    """What is left at the end of a run."""

    status: Any
    """The session's, without what differs from run to run; None when the session is gone."""
    pods: list[str]
    """Names of the pods that are there."""
    created: list[str]
    """Names of all pods that were ever there."""


@dataclass
class Stage:
    """Everything that a scenario is played on."""

    release: Installation
    api: FaultProxy
    hub: FaultProxy
    kubelet: Kubelet
    controller: ControllerProcess | None = None
    exits: list[int] = field(default_factory=list)
    """Of controllers that ended by themselves or were killed."""
    undisturbed: Outcome | None = None
    """How a session ends that nobody disturbs."""
    _token: str = ""

    @property
    def namespace(self) -> Namespace:
        return self.release.namespace

    def keep_running(self) -> None:
        """Start the controller when there is none, as the kubelet does with its container."""
        if self.controller is not None and self.controller.runs():
            return
        if self.controller is not None:
            self.exits.append(int(self.controller.process.returncode))
            self._free_lease()
        self._token = self._token or self.release.token()
        environ = self.release.environ("controller-a", self._token)
        self.controller = start(self.release.folder, environ, ready=False)

    def kill(self) -> None:
        """From any thread: the controller ends now, whatever it is doing."""
        if self.controller is not None and self.controller.runs():
            os.kill(self.controller.process.pid, signal.SIGKILL)
            self.controller.process.wait()

    def until(self, what: str, look: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> float:
        """Keep the controller running and look; returns how long it took."""
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            self.keep_running()
            with suppress(httpx.HTTPError):  # the API server may be away, for us too
                if look():
                    return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError(f"not seen within {seconds:.0f} s: {what}\n{self.log()}")

    def play(self, scenario: Scenario, session: str) -> Outcome:
        """One run of a scenario, to its end and until nothing is written any more."""
        scenario.begin(self, session)
        self.until(f"{scenario.name}: the end of {session}", lambda: scenario.go_on(self, session))
        self.settle()
        return self.outcome(session)

    def play_undisturbed(self) -> Outcome:
        """How a session ends that trains well."""
        self.kubelet.plan = lambda pod: SUCCESS
        self.create(a_body("undisturbed"))
        self.until("an undisturbed end", lambda: self.phase("undisturbed") == "Succeeded")
        self.settle()
        return self.outcome("undisturbed")

    def killer(self, k: int) -> "KillAfter":
        """Kills the controller when its k-th write from now on is made."""
        return KillAfter(self, k)

    def settle(self) -> None:
        """Until nobody has written for a while: the end state is one that stays."""
        seen, since = self.written(), time.monotonic()

        def quiet() -> bool:
            nonlocal seen, since
            if self.written() != seen:
                seen, since = self.written(), time.monotonic()
            return time.monotonic() - since >= QUIET_SECONDS

        self.until("the end of all writing", quiet)

    def written(self) -> int:
        return len(self.api.writes) + len(self.hub.writes)

    def outcome(self, session: str) -> Outcome:
        body = self.session(session)
        status = masked(body["status"], session) if body else None
        prefix = f"{session}-"
        present = [pod["metadata"]["name"] for pod in self.items("pods", session)]
        ever = [name for name in self.kubelet.pods.values() if name.startswith(prefix)]
        shorten = [name.removeprefix(prefix) for name in ever]
        return Outcome(status, sorted(name.removeprefix(prefix) for name in present), sorted(shorten))

    def session(self, name: str) -> Body | None:
        answer = self.namespace.api.http.get(f"{self.namespace.path(PLURAL, API_VERSION)}/{name}")
        if answer.status_code == 404:
            return None
        return dict(answer.raise_for_status().json())

    def phase(self, name: str) -> str:
        return str(((self.session(name) or {}).get("status") or {}).get("phase", ""))

    def items(self, plural: str, session: str) -> list[Body]:
        """Objects that carry the session's label."""
        query = {"labelSelector": f"{LABEL_SESSION}={session}"}
        return list(
            self.namespace.api.http.get(self.namespace.path(plural), params=query).raise_for_status().json()["items"]
        )

    def create(self, body: Body) -> None:
        answer = self.namespace.post(PLURAL, body, group=API_VERSION)
        assert answer.status_code == 201, answer.text

    def patch(self, session: str, **spec: Any) -> None:
        """What the user changes."""
        path = f"{self.namespace.path(PLURAL, API_VERSION)}/{session}"
        headers = {"Content-Type": "application/merge-patch+json"}
        self.namespace.api.http.patch(path, json={"spec": spec}, headers=headers).raise_for_status()

    def delete(self, session: str) -> None:
        self.namespace.api.http.delete(f"{self.namespace.path(PLURAL, API_VERSION)}/{session}").raise_for_status()

    def log(self) -> str:
        return "\n".join(self.controller.log.read_text().splitlines()[-40:]) if self.controller else ""

    def close(self) -> None:
        if self.controller is not None:
            self.controller.kill()

    def assert_sound(self, also: Collection[int] = ()) -> None:
        """No controller ended by itself, but for one that lost its lease; and none logged a traceback."""
        assert set(self.exits) <= {KILLED, LEASE_LOST, *also}, self.exits
        assert self.controller is not None
        assert also or self.controller.tracebacks() == []

    def _free_lease(self) -> None:
        """The process is gone for certain: waiting 15 s for its lease would show nothing new."""
        name = self.release.rendered.env("controller")["HUBTRAINING_LEASE_NAME"]["value"]
        path = f"{self.namespace.path('leases', 'coordination.k8s.io/v1')}/{name}"
        headers = {"Content-Type": "application/merge-patch+json"}
        try:
            self.namespace.api.http.patch(path, json={"spec": {"holderIdentity": ""}}, headers=headers)
        except httpx.HTTPError:
            return  # the API server is away, too: then the lease runs out


def masked(value: Any, session: str) -> Any:
    """Without times, identities and names that are another run's."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if not key.endswith(MASKED)}
        return {key: masked(item, session) for key, item in kept.items() if key not in ("model", "uid")}
    if isinstance(value, list):
        return [masked(item, session) for item in value]
    return MODEL.sub("/models/MODEL", value.replace(session, "SESSION")) if isinstance(value, str) else value


class KillAfter:
    """Kills the controller when its k-th write is made, before it hears of it."""

    def __init__(self, stage: Stage, k: int) -> None:
        self._stage = stage
        self._left = k
        self.fired = ""

    def __call__(self, asked: Asked) -> None:
        self._left -= 1
        if self._left == 0:
            self.fired = str(asked)
            self._stage.kill()


@contextmanager
def a_stage(namespace: Namespace, folder: Path) -> Iterator[Stage]:
    """Everything runs while the context lasts, but for the controller, which starts when it is first needed."""
    with ExitStack() as stack:
        release = stack.enter_context(installed(namespace, folder))
        api = stack.enter_context(a_proxy(str(namespace.api.http.base_url), authority(namespace)))
        hub = stack.enter_context(a_proxy(release.hub.url))
        release.server, release.hub_url = api.url, hub.url
        kubelet = stack.enter_context(a_kubelet(namespace))
        stage = Stage(release, api, hub, kubelet)
        stack.callback(stage.close)
        yield stage


def authority(namespace: Namespace) -> ssl.SSLContext:
    """Trust in the API server, and no certificate of an administrator's."""
    return ssl.create_default_context(cadata=namespace.api.authority)
