"""The project's Markdown files, and what stands in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from render.site import slugify

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^ *```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\[(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*\]\((?P<target>[^)\s]+)\)")
_PICTURE = re.compile(r"!\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+?) *#*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One Markdown file."""

    name: str
    """Its path from the root of the checkout."""
    text: str

    def blocks(self, kind: str) -> list[str]:
        """Return the fenced blocks of a kind, such as `sh`."""
        return [block["text"] for block in _FENCE.finditer(self.text) if block["kind"] == kind]

    def targets(self) -> list[str]:
        """Return where its links and pictures point to, code left out."""
        prose = _CODE.sub("code", _FENCE.sub("", self.text))
        return [link["target"] for way in (_LINK, _PICTURE) for link in way.finditer(prose)]

    def anchors(self) -> set[str]:
        """Return its headings' anchors; a second heading of a text has -1, and so on."""
        seen: dict[str, int] = {}
        made = set()
        for heading in _HEADING.finditer(_FENCE.sub("", self.text)):
            slug = slugify(_plain(heading["text"]))
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            made.add(f"{slug}-{count}" if count else slug)
        return made


def _plain(heading: str) -> str:
    """Return a heading without its markup."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")


def page(name: str) -> Page:
    """Return one page."""
    return Page(name=name, text=(ROOT / name).read_text(encoding="utf-8"))


@cache
def pages() -> tuple[Page, ...]:
    """Return every page that users read: at the root, and below docs/."""
    return tuple(page(path.relative_to(ROOT).as_posix()) for path in sorted(_paths()))


def _paths() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    yield from (ROOT / "docs").rglob("*.md")
