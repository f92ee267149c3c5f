"""Pages name only metrics that exist, the page of metrics all of them; the README counts right."""

import itertools
import re
from collections.abc import Iterator

import pytest

from alerts.discovery import all_alerts
from catalog.registry import by_module
from render.settings import Settings
from render.tree import files
from tests.docs.pages import ROOT, page, pages

NAMED = re.compile(r"(?<![\w{/])railwatch_[a-z0-9_]+(?:\{[a-z_,]+\}[a-z0-9_]*)?\*?")
SUFFIXES = ("_bucket", "_sum", "_count")
PACKAGES = {"railwatch_scheduler_feedback"}
HISTORY = ("CHANGELOG.md",)
"""Pages that speak of names that are gone."""


def known() -> set[str]:
    names = {metric.name for metrics in by_module().values() for metric in metrics}
    return names | {f"{name}{suffix}" for name in names for suffix in SUFFIXES}


def spelled(text: str) -> Iterator[str]:
    """Yield the names in a text: `a_{b,c}_total` is two, `a{label}` is one, `a_*` stays."""
    for match in NAMED.finditer(text):
        name, brace, rest = match[0].partition("{")
        inside, _, after = rest.partition("}")
        if brace and (after or name.endswith("_")):
            yield from (f"{name}{part}{after}" for part in inside.split(","))
        else:
            yield name


def unknown(text: str, names: set[str]) -> set[str]:
    """Return the names in a text that no metric has, nor, where they end so, begins with."""
    return {
        name
        for name in spelled(text)
        if name not in names
        and not (name.endswith(("*", "_")) and any(n.startswith(name.rstrip("*")) for n in names))
    }


def test_pages_name_only_metrics_that_exist() -> None:
    names = known()
    found = {page.name: unknown(page.text, names) for page in pages() if page.name not in HISTORY}

    assert {name: missing for name, missing in found.items() if missing} == {}


def test_the_page_of_metrics_names_every_metric() -> None:
    (text,) = (page.text for page in pages() if page.name == "docs/metrics.md")
    listed = set(re.findall(r"^\| `(railwatch_\w+)`", text, re.MULTILINE))
    there = {metric.name for metric in itertools.chain.from_iterable(by_module().values())}

    assert {name for name in there if name.startswith("railwatch_")} == listed


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("`railwatch_gpu_state{gpu,uuid}`", ["railwatch_gpu_state"]),
        ("`railwatch_gpu_{a,b}_seconds`", ["railwatch_gpu_a_seconds", "railwatch_gpu_b_seconds"]),
        ("`railwatch_tc_*{object}`", ["railwatch_tc_*"]),
        ("`railwatch:observed`", []),
    ],
)
def test_names_are_found_as_people_write_them(text: str, names: list[str]) -> None:
    assert list(spelled(text)) == names


def test_a_metric_that_is_not_there_is_found() -> None:
    assert unknown(
        "see `railwatch_gpu_moods` and `railwatch_gpu_sta*`", {"railwatch_gpu_state"}
    ) == {"railwatch_gpu_moods"}


def test_the_readme_counts_alerts_and_dashboards_right() -> None:
    text = page("README.md").text
    boards = [name for name in files(Settings()) if name.startswith("grafana/dashboards/")]

    assert "More than a hundred [alerts]" in text
    assert len(all_alerts()) > 100
    assert "fourteen dashboards" in text
    assert len(boards) == 14
    assert all((ROOT / f"docs/runbooks/{alert.name}.md").exists() for alert in all_alerts())
