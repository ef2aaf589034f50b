"""Links into a page lead to a heading that it has."""

import re
from pathlib import Path

import pytest
from builders.pages import DOCS, ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links: lower case, no punctuation, dashes for spaces."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_headings(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text())
    places = [((page.parent / name) if name else page, anchor) for name, anchor in links]
    assert [anchor for target, anchor in places if anchor not in anchors(target)] == []
