"""Numbers and moments as people read them."""

from datetime import UTC, datetime

UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60))
NONE = "\N{EN DASH}"
SIZES = ("bytes", "KiB", "MiB", "GiB", "TiB")


def moment(seconds: float) -> str:
    """Unix seconds as date and time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def ago(seconds: float) -> str:
    """How long something is past."""
    for unit, length in UNITS:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def size(count: float) -> str:
    """Bytes in the unit that fits."""
    for unit in SIZES[:-1]:
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} {SIZES[-1]}"


def number(value: float | None) -> str:
    """Four significant digits, in the form that takes the least room; a dash for none."""
    return NONE if value is None else f"{value:.4g}"
