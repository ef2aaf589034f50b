"""A hub with models to look at."""

import math
import time

import httpx
from builders.hub import a_checkpoint, a_creation, a_posting, session_headers

from hubtraining.hub import wire

SESSION = "0b9d2c1e-7a64-4a0e-9a51-3f7f6f0f5a11"


def a_curve(epoch: int) -> dict[str, float]:
    """Metrics of a training that goes well."""
    left, wobble = math.exp(-epoch / 18), 0.02 * math.sin(epoch * 1.7)
    losses = {
        "box_loss": (1.9 * left + 0.55, 1.7 * left + 0.7),
        "cls_loss": (2.6 * left + 0.35, 2.2 * left + 0.5),
        "dfl_loss": (0.9 * left + 0.85, 0.8 * left + 0.92),
    }
    learned = {f"train/{name}": round(train + wobble, 5) for name, (train, _) in losses.items()}
    validated = {f"val/{name}": round(val - 2 * wobble, 5) for name, (_, val) in losses.items()}
    scores = {
        "metrics/precision(B)": 0.93 - 0.7 * left + wobble,
        "metrics/recall(B)": 0.88 - 0.75 * left - wobble,
        "metrics/mAP50(B)": 0.91 - 0.85 * left + wobble,
        "metrics/mAP50-95(B)": 0.68 - 0.66 * left + wobble / 2,
    }
    rate = min(epoch / 3, 1.0) * 0.01 * (1 - epoch / 110)
    return {**learned, **validated, **{name: round(value, 5) for name, value in scores.items()}, "lr/pg0": rate}


def a_training(client: httpx.Client, name: str, epochs: int, planned: int, *, final: bool = False) -> str:
    """A model that was trained so far by one session; its id."""
    creation = a_creation(meta={"name": name}, dataset={"name": "signs"})
    creation["config"]["epochs"] = planned
    creation["lineage"] = {"architecture": {"name": "yolo11n"}, "parent": {"name": "yolo11n.pt"}}
    model = str(client.post(wire.MODELS, json=creation).json()["data"]["id"])
    session = session_headers(SESSION, 2, "vision")
    client.post(wire.heartbeat(model), json={"agent": "hubtraining-0.1.0", "agentId": None}, headers=session)
    if epochs:
        posting = a_posting({epoch: a_curve(epoch) for epoch in range(epochs)})
        client.post(wire.model(model), json=posting, headers=session).raise_for_status()
    for epoch in range(0, epochs, max(epochs // 3, 1)):
        upload(client, model, "last.pt", epoch=str(epoch), type="epoch", isBest=str(epoch % 2 == 0))
    if final:
        upload(client, model, "best.pt", epoch=str(epochs - 1), type="final", map="0.67")
    return model


def upload(client: httpx.Client, model: str, name: str, **form: str) -> None:
    headers = session_headers(SESSION, 2, "vision")
    files = {name: (name, a_checkpoint(3_000_000 + int(time.time_ns() % 1000)))}
    client.post(wire.upload(model), data=form, files=files, headers=headers).raise_for_status()
