"""The pages of flags are the programs' own words; no page speaks of a flag that is not there."""

import re
from pathlib import Path

import pytest

from program.errors import ProgramError
from testbed import reference

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OURS = re.compile(
    r"`(--[^`\n]*)`|(?:^|`|\$ ) *(railwatch-(?:exporter|bridge|scheduler|render) [^`\n]*)",
    re.MULTILINE,
)
"""Code that begins with a flag, or a command line of ours."""
SPELLED = re.compile(r"(?<![\w-])--(?:\[no-\])?([a-z][\w.-]*\w)")
EVERYWHERE = {"help", "version"}

OTHERS = {
    *("register-with-taints", "set-priv-flags", "target", "take-ownership"),
    *("no-collector.infiniband", "drain-buffer", "max-simultaneous-cordon"),
    *("reuse-values", "reset-then-reuse-values"),
}
"""Flags of other programs that our pages speak of; runbooks speak of many, none with a dot."""


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return reference.pages()


def flags(page: str) -> set[str]:
    """Return the flags that a page's tables list, in each way in which they may be written."""
    listed = re.findall(r"^\| `--(\[no-\])?([\w.-]+)", page, re.MULTILINE)
    return {name for _, name in listed} | {f"no-{name}" for both, name in listed if both}


def test_the_pages_are_not_stale(pages: dict[str, str]) -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in reference.PAGES.glob("*.md")}

    assert there == pages, "run make docs"


def test_each_program_has_its_page(pages: dict[str, str]) -> None:
    scripts = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[project.scripts]")
    programs = re.findall(r"^(railwatch-\w+) =", scripts[2], re.MULTILINE)

    assert set(pages) == {f"{program}.md" for program in programs}


def test_a_switch_stands_with_its_two_names_and_its_default(pages: dict[str, str]) -> None:
    line = "| `--[no-]drain` | `off` | "

    assert line in pages["railwatch-scheduler.md"]


def test_a_stale_page_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference.main([], tmp_path)
    (tmp_path / "railwatch-render.md").write_text("edited\n", encoding="utf-8")
    (tmp_path / "railwatch-gone.md").write_text("old\n", encoding="utf-8")

    assert reference.main(["--check"], tmp_path) == ProgramError.exit_code

    assert "stale: railwatch-gone.md, railwatch-render.md in" in capsys.readouterr().err


def test_the_pages_speak_of_no_flag_that_is_not_there(pages: dict[str, str]) -> None:
    known = set().union(*map(flags, pages.values())) | EVERYWHERE | OTHERS

    unknown = {
        f"{path.name}: --{name}"
        for path in (ROOT / "README.md", *DOCS.glob("*.md"), *(DOCS / "runbooks").glob("*.md"))
        for span in OURS.finditer(path.read_text(encoding="utf-8"))
        for name in SPELLED.findall(span[0])
        if name not in known and ("." in name or path.parent.name != "runbooks")
        if not any(flag.startswith(f"{name}.") for flag in known) and name.lower() == name
    }

    assert unknown == set()
