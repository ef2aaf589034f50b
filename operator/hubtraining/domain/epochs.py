"""Epochs and metrics between results.csv (epochs count from 1) and the wire (from 0)."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

Values = Mapping[str, float | None]
"""Metrics of one epoch by name; None where the trainer wrote NaN or an infinity."""

Metrics = Mapping[int, Values]
"""By epoch, counted from 1."""


def to_wire(epoch: int) -> int:
    """Epoch as the wire counts. Raises ValueError below 1."""
    if epoch < 1:
        raise ValueError(f"epoch {epoch}: epochs count from 1")
    return epoch - 1


def from_wire(epoch: int) -> int:
    """Epoch as results.csv and this project count."""
    return epoch + 1


def finite(value: float | None) -> float | None:
    """The value, or None where JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None


def clean(values: Values) -> dict[str, float | None]:
    """The same metrics, NaN and infinities made None."""
    return {name: finite(value) for name, value in values.items()}


def metrics_body(metrics: Metrics) -> dict[str, Any]:
    """Body of a metrics post: each epoch's object is encoded once more, as a string, by the protocol's rule."""
    encoded = {str(to_wire(epoch)): msgspec.json.encode(clean(metrics[epoch])).decode() for epoch in sorted(metrics)}
    return {"metrics": encoded, "type": "metrics"}
