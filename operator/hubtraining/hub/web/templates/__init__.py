"""Templates beside this file, and the headers that every page has."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",  # links to files carry their own authorisation
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
STYLE = Path(__file__).with_name("style.css").read_text()

_environment = Environment(
    loader=PackageLoader("hubtraining.hub.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def html(template: str, status: int = 200, **values: Any) -> Response:
    """A page; every value is escaped."""
    return Response(_environment.get_template(template).render(values), status, HEADERS, "text/html")
