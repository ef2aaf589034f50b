"""Kubernetes quantities, as far as they must be understood before the API server sees them."""

import re

_QUANTITY = re.compile(r"\+?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")


def is_positive(text: str) -> bool:
    """Whether this is a quantity such as ``500m``, ``20Gi`` or ``1`` that is more than nothing."""
    found = _QUANTITY.fullmatch(text)
    return found is not None and float(found[1]) > 0


def is_quantity(text: str) -> bool:
    """Whether this is a quantity that is not negative."""
    return _QUANTITY.fullmatch(text) is not None
