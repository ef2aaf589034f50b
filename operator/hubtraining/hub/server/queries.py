"""Query parameters of lists and deletions, in the spellings of old and new clients."""

from starlette.datastructures import QueryParams

from hubtraining.hub.refusals import Invalid
from hubtraining.hub.server.numbers import flag, shown
from hubtraining.hub.store.pages import MAX_LIMIT, Ask


def page(query: QueryParams) -> Ask:
    """Which page of a list is asked for."""
    limit = query.get("limit") or query.get("perPage") or "25"
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 9 and int(limit) > 0):
        raise Invalid(f"limit is {shown(limit)}: a whole number from 1 is allowed")
    after = query.get("last_doc_id") or query.get("lastRecordId")
    return Ask(limit=min(int(limit), MAX_LIMIT), after=_given(after), query=_given(query.get("query")) or "")


def only_public(query: QueryParams) -> bool:
    """Are only public things asked for? This hub has none."""
    return flag("public", _given(query.get("public")) or "False")


def hard(query: QueryParams) -> bool:
    """Is a deletion for good?"""
    return flag("hard", query.get("hard", "False"))


def _given(value: str | None) -> str | None:
    """Clients in Python send ``None`` as a word."""
    return None if value in (None, "", "None", "null") else value
