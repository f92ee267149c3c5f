"""The page of `render.toml` has every key, and each key and default on it is taken as it stands."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from render.reference import tables
from render.settings import Settings, load
from tests.docs.pages import page

PAGE = "docs/settings.md"
ROW = re.compile(r"\| `(\w+)` \| [^|]+ \| (?:`(.*)`|\N{EN DASH}) \| .+ \|")


def written() -> str:
    """Return the page as a file: each table with the keys that have a default."""
    lines = []
    for line in page(PAGE).text.splitlines():
        if heading := re.fullmatch(r"## `(\[.+\])`", line):
            lines.append(heading[1].replace("NAME", "ExporterDown"))
        elif (row := ROW.fullmatch(line)) and row[2]:
            lines.append(f"{row[1]} = {row[2]}")
    return "\n".join(lines)


def test_what_the_page_says_is_taken_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "render.toml").write_text(written(), encoding="utf-8")

    made = load(tmp_path / "render.toml")

    assert len(written().splitlines()) > 40
    assert made.tuned() == Settings().tuned()
    assert {**vars_of(made), "alerts": {}} == vars_of(Settings())


def vars_of(settings: Settings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in settings.__slots__}


def test_every_key_is_on_the_page() -> None:
    rows = [row[1] for line in page(PAGE).text.splitlines() if (row := ROW.fullmatch(line))]

    assert rows == [key.name for table in tables() for key in table.keys]
    assert {"for", "prices", "teams", "soak_scale", "cluster_label", "goodput"} <= set(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """Says nothing of its key."""

    key: str = ""


def test_a_key_that_says_nothing_of_itself_is_noticed() -> None:
    with pytest.raises(KeyError, match="key"):
        list(tables(Silent))
