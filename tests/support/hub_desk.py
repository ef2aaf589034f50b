"""What a person does at a hub: keys, models, data sets, start weights."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from builders.hub import a_creation, a_dataset, session_headers
from builders.hub_process import HubProcess, create_key, run_hub_command
from support.api_server import until

from hubtraining.hub import wire


@dataclass(frozen=True)
class Desk:
    """One hub, and a client of it with a key."""

    hub: HubProcess
    http: httpx.Client

    def model(self, epochs: int = 300, data: str = "signs.yaml", parent: str = "") -> str:
        """A new model's id; ``parent`` names weights to start from."""
        body = a_creation(dataset={"name": data})
        body["lineage"]["parent"] = {"name": parent} if parent else {}
        body["config"]["epochs"] = epochs
        return str(self._data("POST", wire.MODELS, json=body)["id"])

    def read(self, model: str) -> dict[str, Any]:
        return dict(self._data("GET", wire.model(model)))

    def link(self, model: str) -> str:
        """What people copy from their browser."""
        return f"{self.hub.url}/models/{model}"

    def upload(self, model: str, content: bytes, kind: str = "epoch", epoch: int = 0, session: str = "") -> None:
        """A checkpoint, from the first attempt of a session where one is named; ``epoch`` counts from 0."""
        name = "best.pt" if kind == "final" else "last.pt"
        form = {"epoch": str(epoch), "type": kind}
        headers = session_headers(session, 1) if session else {}
        self._data("POST", wire.upload(model), data=form, files={name: (name, content)}, headers=headers)

    def dataset(self, name: str) -> str:
        """An empty one; its id."""
        return str(self._data("POST", wire.DATASETS, json={"meta": {"name": name}})["id"])

    def fill(self, dataset: str) -> None:
        """Its zip is there."""
        zipped = ("signs.zip", a_dataset())
        self._data("POST", wire.dataset_upload(dataset), files={"signs.zip": zipped})

    def keep_weights(self, name: str, content: bytes, folder: Path) -> None:
        """Start weights that the hub serves."""
        file = folder / f"kept-{name}"
        file.write_bytes(content)
        done = run_hub_command(self.hub.folder, "weights", "add", name, str(file))
        assert done.returncode == 0, done.stderr

    def epochs(self, model: str) -> set[int]:
        """Of which it has metrics, counted from 1."""
        series = self._data("GET", wire.metrics(model)) or []
        return {int(epoch) + 1 for one in series for epoch in one["data"]}

    def new_key(self) -> str:
        return create_key(self.hub.folder)

    def revoke(self, key: str) -> None:
        """The key is good for nothing any more; the hub believes it for some seconds yet, and we wait for that."""
        done = run_hub_command(self.hub.folder, "key", "revoke", hashlib.sha256(key.encode()).hexdigest()[:12])
        assert done.returncode == 0, done.stderr
        headers = {wire.HEADER_KEY: key}
        until("it is refused", lambda: httpx.get(self.hub.url + wire.MODELS, headers=headers).status_code == 401)

    def _data(self, method: str, path: str, **options: Any) -> Any:
        answer = self.http.request(method, path, **options)
        assert answer.is_success, answer.text
        return answer.json()["data"]


@contextmanager
def a_desk(hub: HubProcess) -> Iterator[Desk]:
    key = create_key(hub.folder)
    with httpx.Client(base_url=hub.url, headers={wire.HEADER_KEY: key}, timeout=60) as http:
        yield Desk(hub, http)
