"""The pages make a site, strictly: a page, link or heading that is missing fails it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from render.site import HOMES, home, named, slugify
from tests.docs.pages import ROOT


def build(config: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        config,
    ]
    return subprocess.run(
        [*command, "--site-dir", out], capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    done = build(ROOT / "mkdocs.yml", tmp_path)

    assert done.returncode == 0, done.stderr
    concepts = (tmp_path / "concepts.html").read_text(encoding="utf-8")
    assert 'id="who-judges"' in concepts
    assert 'href="adr/0018-who-judges-what.html"' in concepts
    assert "<code>deploy/exporter/least-privilege</code>" in (tmp_path / "security.html").read_text(
        encoding="utf-8"
    )
    assert 'id="1-只用仪表盘"' in (tmp_path / "zh/quickstart.html").read_text(encoding="utf-8")


def test_the_site_begins_with_the_readme_and_every_page_is_reached_from_there(
    tmp_path: Path,
) -> None:
    assert build(ROOT / "mkdocs.yml", tmp_path).returncode == 0
    start = tmp_path / "index.html"

    assert 'src="pictures/fleet.png"' in start.read_text(encoding="utf-8")
    assert reached(start) == set(tmp_path.rglob("*.html")) - {tmp_path / "404.html"}


def reached(start: Path) -> set[Path]:
    """Return every page that links lead to from this one, with those in the contents."""
    found, left = {start}, [start]
    while left:
        at = left.pop()
        targets = re.findall(r'href="([^":#]+\.html)', at.read_text(encoding="utf-8"))
        new = {(at.parent / target).resolve() for target in targets} - found
        assert all(path.is_file() for path in new), (at, new)
        found |= new
        left += new
    return found


def test_a_link_that_leads_nowhere_fails_it(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# One\n\n[a](two.md)\n")
    whole = re.sub(r"(?ms)^nav:.*\Z", "", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    config = whole.replace("docs_dir: docs", f"docs_dir: {tmp_path / 'docs'}")
    (tmp_path / "mkdocs.yml").write_text(config.replace("render/site.py", f"{ROOT}/render/site.py"))

    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")

    assert done.returncode != 0
    assert "'two.md'" in done.stderr


def test_every_page_is_in_the_contents() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"[\w/-]+\.md", yaml.safe_dump(yaml.safe_load(text)["nav"])))
    docs = ROOT / "docs"
    there = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}

    assert {name for name in there if not name.startswith(("adr/", "runbooks/"))} == (
        listed - set(HOMES.values())
    )


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Who judges", "who-judges"),
        ("New and rebooted nodes: --verify-nodes", "new-and-rebooted-nodes---verify-nodes"),
        ("What it may do: deploy/bridge", "what-it-may-do-deploybridge"),
        ("只用 仪表盘", "只用-仪表盘"),
        ("GpuFellOffBus", "gpufelloffbus"),
    ],
)
def test_a_heading_has_the_anchor_that_forges_give_it(heading: str, anchor: str) -> None:
    assert slugify(heading) == anchor


@pytest.mark.parametrize(
    ("folder", "markdown", "shown"),
    [
        ("", "[full](../deploy/x.yaml)", "full (`deploy/x.yaml`)"),
        ("", "[`deploy/x`](../deploy/x)", "`deploy/x`"),
        ("zh", "[a](../concepts.md#who)", "[a](../concepts.md#who)"),
        ("", "[a](https://example.com/x)", "[a](https://example.com/x)"),
        ("", "![a](pictures/x.png)", "![a](pictures/x.png)"),
        ("", "[runbooks](runbooks)", "runbooks (`docs/runbooks`)"),
    ],
)
def test_links_that_leave_the_site_become_names(folder: str, markdown: str, shown: str) -> None:
    assert named(markdown, folder) == shown


@pytest.mark.parametrize(
    ("place", "markdown", "shown"),
    [
        (
            "index.md",
            "[a](docs/b.md#c) ![d](docs/pictures/e.png)",
            "[a](b.md#c) ![d](pictures/e.png)",
        ),
        ("index.md", "[中文](README.zh-CN.md)", "[中文](zh/index.md)"),
        ("index.md", "[x](CHANGELOG.md) [y](#z)", "[x](../CHANGELOG.md) [y](#z)"),
        ("zh/index.md", "[a](docs/zh/b.md) [c](docs/d.md)", "[a](b.md) [c](../d.md)"),
        ("zh/index.md", "[x](https://example.com/docs/y.md)", "[x](https://example.com/docs/y.md)"),
    ],
)
def test_a_readmes_links_are_written_from_its_place(place: str, markdown: str, shown: str) -> None:
    assert home(markdown, place) == shown
