"""Limits of numbers, and the sentence for what is outside of them."""

from hubtraining.domain.invalid import InvalidSpec

MOST_SECONDS = 86_400
YEAR_SECONDS = 31_536_000


def within(field: str, value: int, least: int, most: int, what: str = "seconds") -> None:
    """Raise InvalidSpec for a number that is out of bounds."""
    if not least <= value <= most:
        raise InvalidSpec(field, f"is {value}; from {least} to {most} {what} are allowed")
