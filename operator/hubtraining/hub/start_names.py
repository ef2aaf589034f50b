"""Names under which start weights may be kept."""

import re

from hubtraining.hub.refusals import Invalid

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.pt")


def check_weights_name(name: str) -> None:
    """Raise Invalid for anything but a plain file name that ends in .pt."""
    if not NAME.fullmatch(name):
        raise Invalid(f"the name is {name[:60]!a}: letters, digits, dots, dashes and a .pt at the end are allowed")
