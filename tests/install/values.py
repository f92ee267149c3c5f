"""The table of the chart's values in docs/install.md, made from values.yaml.

python -m tests.install.values    write the table again
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
VALUES = ROOT / "deploy" / "chart" / "railwatch" / "values.yaml"
PAGE = ROOT / "docs" / "install.md"
BEGIN, END = "<!-- values: python -m tests.install.values -->\n", "<!-- end -->\n"

WHOLE = {"exporter.nodeLabels"}
"""Values that are one, though they have parts."""


def described() -> dict[str, str]:
    """Return each key that has a comment right above it, and the comment."""
    found: dict[str, str] = {}
    path: list[str] = []
    comment: list[str] = []
    for line in VALUES.read_text(encoding="utf-8").splitlines():
        key = re.match(r"( *)(\w+):", line)
        if note := re.match(r" *# ?(.*)", line):
            comment.append(note[1])
            continue
        if key:
            path[len(key[1]) // 2 :] = [key[2]]
            if comment:
                found[".".join(path)] = " ".join(comment)
        comment = []
    return found


def defaults(of: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value's key and default."""
    for name, value in of.items():
        key = above + name
        if isinstance(value, dict) and value and key not in WHOLE:
            yield from defaults(value, f"{key}.")
        else:
            yield key, value


def all_defaults() -> dict[str, Any]:
    """Return each value's default by its key."""
    return dict(defaults(yaml.safe_load(VALUES.read_text(encoding="utf-8"))))


def table() -> str:
    """Return the table, a line a value."""
    about = described()
    lines = ["| value | default | |", "|---|---|---|"]
    for key, default in all_defaults().items():
        shown = "see values.yaml" if key in WHOLE else f"`{json.dumps(default)}`"
        lines.append(f"| `{key}` | {shown} | {about[key]} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Put the table into the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(before + BEGIN + table() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
