"""Every link of every page leads somewhere."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Page, page, pages

ABROAD = ("http://", "https://", "mailto:")


def lost(of: Page) -> list[str]:
    """Return the links of a page whose file, or heading in it, does not exist."""
    return [
        target for target in of.targets() if not target.startswith(ABROAD) and not leads(of, target)
    ]


def leads(of: Page, target: str) -> bool:
    path, _, anchor = target.partition("#")
    place = (ROOT / of.name).parent / path if path else ROOT / of.name
    if not place.exists():
        return False
    if not anchor:
        return True
    return place.suffix == ".md" and anchor in page(inside(place)).anchors()


def inside(place: Path) -> str:
    return place.resolve().relative_to(ROOT.resolve()).as_posix()


def test_there_are_pages_with_links() -> None:
    assert len(pages()) > 100
    assert sum(len(each.targets()) for each in pages()) > 400


def test_every_link_and_anchor_exists() -> None:
    assert {each.name: found for each in pages() if (found := lost(each))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "[a](no.md)",
        "![a](docs/pictures/no.png)",
        "[a](README.md#no)",
        "[a](#no)",
        "[a](Makefile#x)",
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str) -> None:
    assert len(lost(Page(name="any.md", text=f"# Title\n\n{text}\n"))) >= 1


@pytest.mark.parametrize(
    "text", ["[a](#title-1)", "`[a](no.md)`", "```sh\n[a](no.md)\n```", "[a](docs)"]
)
def test_what_is_no_link_or_leads_is_left_alone(text: str) -> None:
    of = Page(name="any.md", text=f"# Title\n\n# `Title`\n\n{text}\n")

    assert [target for target in of.targets() if not target.startswith("#")] in ([], ["docs"])
    assert "title-1" in of.anchors()


def test_every_guide_can_be_reached_from_the_readme() -> None:
    readme = set(page("README.md").targets())
    guides = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}

    assert guides - readme == set()
