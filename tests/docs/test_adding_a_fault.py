"""docs/adding-a-fault.md, followed to the letter on a copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from health_bridge.decision import proofs
from testbed.demo.site import TOOLS
from testbed.tools import ensure
from tests.docs.pages import ROOT, page

PAGE = page("docs/adding-a-fault.md")
BLOCK = r"```\w+\n(.*?)^```$"
HOP = r"^ +[0-9.]+ s  (.*?)  +(.*)$"
"""A line of the demo's: when, what, and what was seen."""

NAME, STEM = "GpuMemoryHot", "gpu_memory_hot"
COPIED = (
    "catalog",
    "program",
    "alerts",
    "dashboards",
    "deploy",
    "docs",
    "exporters",
    "health_bridge",
    "jsonnet",
    "render",
    "scheduler_feedback",
    "testbed",
    "tools",
)
MECHANICAL = "every_alert_has_its_test or every_fault_of or every_runbook_page_has or rendered"
TOLD = {"node": "n1", "uuid": "GPU-1", "gpu": "0"}


def blocks(mark: str) -> list[tuple[str, str]]:
    """Return what the page's marks of a kind say, each with the block below it."""
    return re.findall(rf"^<!-- {mark}(.*?) -->\n{BLOCK}", PAGE.text, re.MULTILINE | re.DOTALL)


def run(tree: Path, *command: object, within: float = 240) -> str:
    """Run a command in the copy, and return what it prints; it must succeed."""
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=False,
        cwd=tree,
        env={**os.environ, "PATIENCE": "8"},
        timeout=within,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with what the page says, and nothing else, and what is rendered of it."""
    copy = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__", "pictures")
    for name in (*COPIED, "tests/alerts"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, copy / name)
    for place, line in blocks("line: "):
        path, before = place.split(", before: ")
        text = (copy / path).read_text(encoding="utf-8")
        assert text.count(f"\n{before}") == 1
        (copy / path).write_text(text.replace(f"\n{before}", f"\n{line}{before}"), encoding="utf-8")
    for path, text in blocks("file: "):
        assert not (copy / path).exists()
        (copy / path).write_text(text, encoding="utf-8")
    run(copy, sys.executable, "-m", "render", "build/render")
    ensure(*TOOLS)
    (copy / ".tools").symlink_to(ROOT / ".tools")
    return copy


def rule(tree: Path) -> dict[str, Any]:
    path = tree / f"build/render/prometheus/rules/shard/{STEM}.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    made: dict[str, Any] = document["groups"][0]["rules"][0]
    return made


def test_the_page_needs_one_file_of_each_kind_and_one_line() -> None:
    assert [path for path, _ in blocks("file: ")] == [
        f"alerts/gpu/{STEM}.py",
        f"tests/alerts/gpu/test_{STEM}.py",
        f"docs/runbooks/{NAME}.md",
    ]
    assert [text.count("\n") for _, text in blocks("line: ")] == [1]


def test_the_pages_targets_are_those_of_make() -> None:
    ((_, commands),) = blocks("run")
    made = (ROOT / "Makefile").read_text(encoding="utf-8")

    for target in re.search(r"^make (.*)$", commands, re.MULTILINE)[1].split():  # type: ignore[index]  # it is there
        assert re.search(rf"^{target}:", made, re.MULTILINE)


def test_the_fault_has_all_that_a_fault_needs(tree: Path) -> None:
    ((_, commands),) = blocks("run")
    _, promtool, own = commands.splitlines()

    program, *words = promtool.split()
    assert program == ".tools/bin/promtool"
    run(tree, ensure("promtool")["promtool"], *words)
    tests = (own.split()[-1], "tests/alerts/test_discovery.py")
    run(tree, sys.executable, "-m", "pytest", "-q", "-k", f"{NAME} or {MECHANICAL}", *tests)


def test_the_documents_and_the_stable_names_tell_of_it(tree: Path) -> None:
    run(tree, sys.executable, "-m", "render.docs")
    run(tree, sys.executable, "-m", "render.stable")

    assert f"## {NAME}\n" in (tree / "docs/alerts.md").read_text(encoding="utf-8")
    names = (tree / "docs/stable-alerts.txt").read_text(encoding="utf-8").splitlines()
    assert f"{NAME} warning cordon GpuDegraded" in names


def test_its_proof_is_what_the_page_says(tree: Path) -> None:
    proof = proofs.load(str(tree / "build/render/bridge/proofs.yaml")).faults[NAME]

    assert proof.condition == "GpuDegraded"
    assert proof.facilities == ("gpu/memory_temperature",)


def test_alertmanager_sends_it_to_the_bridge(tree: Path) -> None:
    labels = {"alertname": NAME, **rule(tree)["labels"], **TOLD}
    config = tree / "build/render/alertmanager/alertmanager.yaml"
    asked = [f"{name}={value}" for name, value in labels.items()]

    told = run(
        tree,
        ensure("amtool")["amtool"],
        "config",
        "routes",
        "test",
        "--config.file",
        config,
        *asked,
    )

    assert "railwatch-bridge" in told
    objects = (tree / "build/render/kubernetes").glob("*.yaml")
    naming = {each.stem for each in objects if NAME in each.read_text(encoding="utf-8")}
    assert naming >= {"proofs", "prometheusrule-shard", "alertmanagerconfig"}


@pytest.mark.cluster
@pytest.mark.timeout(1500)
def test_it_arrives_in_the_demo_as_a_placement_decision(tree: Path) -> None:
    """On a real kube-scheduler: one pod goes elsewhere, and one that cannot waits, for this."""
    ((_, command),) = blocks("demo")
    interpreter, *words = command.split()
    assert interpreter == ".venv/bin/python"
    (shown,) = PAGE.blocks("text")
    hops = re.findall(HOP, shown, re.MULTILINE)
    assert [name for name, _ in hops][-2:] == ["placed on the other", "refused"]

    told = run(tree, sys.executable, *words, within=1400)

    assert re.findall(HOP, told, re.MULTILINE) == hops
    refused = told.partition("refused   GpuDegraded (cordon): 1 node: gpu-0\n")[2]
    assert refused.lstrip().startswith(f"gpu-0: {NAME} on GPU 3 (GPU-")
