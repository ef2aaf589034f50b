"""Times and sizes as people read them."""

from datetime import datetime

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def duration(seconds: float) -> str:
    """The two largest units: ``45 s``, ``12 min 3 s``, ``1 h 30 min``, ``3 d 4 h``; negative ones are nothing."""
    left, parts = max(0, round(seconds)), []
    for unit, length in _UNITS:
        amount, left = divmod(left, length)
        parts.append((amount, unit))
    first = next((i for i, (amount, _) in enumerate(parts) if amount), len(parts) - 1)
    return " ".join(
        f"{amount} {unit}" for amount, unit in parts[first : first + 2] if amount or len(parts) == first + 1
    )


def ago(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit."""
    seconds = max(0, round((now - moment).total_seconds()))
    unit, length = next(((unit, length) for unit, length in _UNITS if seconds >= length), _UNITS[-1])
    return f"{seconds // length} {unit} ago"


def size(count: int) -> str:
    """Bytes in the decimal unit that leaves one to three digits before the point."""
    amount, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while amount >= 999.5 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.0f} {units[0]}" if units[0] == "B" or amount >= 99.95 else f"{amount:.1f} {units[0]}"


def metric(name: str) -> str:
    """A metric's name without the word that most of them begin with."""
    return name.removeprefix("metrics/")
