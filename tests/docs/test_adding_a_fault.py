"""docs/adding-a-fault.md, followed to the letter on a copy of the tree."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.verdicts import Verdict
from health_bridge import proofs
from health_bridge.alerts import read_prometheus
from health_bridge.decide import decide
from health_bridge.policy import Policy
from health_bridge.proofs import Proofs
from health_bridge.sight import Sight, Witness
from scheduler_feedback.filter import sift
from scheduler_feedback.health import assess
from testbed.tools import ensure
from tests.health_bridge import worlds

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-fault.md").read_text(encoding="utf-8")
BLOCK = r"```\w+\n(.*?)^```$"

NAME, STEM = "GpuMemoryHot", "gpu_memory_hot"
COPIED = (
    "catalog",
    "program",
    "alerts",
    "dashboards",
    "render",
    "jsonnet",
    "testbed",
    "tools",
    "docs",
)
MECHANICAL = "every_alert_has_its_test or every_fault_of or every_runbook_page_has or rendered"
TOLD = {"node": "n1", "uuid": "GPU-1", "gpu": "0"}
NOW = 1_800_000_000


def blocks(mark: str) -> list[tuple[str, str]]:
    """Return what the page's marks of a kind say, each with the block below it."""
    return re.findall(rf"^<!-- {mark}(.*?) -->\n{BLOCK}", PAGE, re.MULTILINE | re.DOTALL)


def run(tree: Path, *command: object) -> str:
    """Run a command in the copy, and return what it prints; it must succeed."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, cwd=tree, timeout=120
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
    return copy


@pytest.fixture(scope="module")
def known(tree: Path) -> Proofs:
    return proofs.load(str(tree / "build/render/bridge/proofs.yaml"))


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
    (tree / ".tools").symlink_to(ensure("promtool")["promtool"].parents[1])
    ((_, commands),) = blocks("run")
    _, promtool, own = commands.splitlines()

    run(tree, *promtool.split())
    tests = (own.split()[-1], "tests/alerts/test_discovery.py")
    run(tree, sys.executable, "-m", "pytest", "-q", "-k", f"{NAME} or {MECHANICAL}", *tests)


def test_the_documents_and_the_stable_names_tell_of_it(tree: Path) -> None:
    run(tree, sys.executable, "-m", "render.docs")
    run(tree, sys.executable, "-m", "render.stable")

    assert f"## {NAME}\n" in (tree / "docs/alerts.md").read_text(encoding="utf-8")
    names = (tree / "docs/stable-alerts.txt").read_text(encoding="utf-8").splitlines()
    assert f"{NAME} warning cordon GpuDegraded" in names


def test_its_proof_is_what_the_page_says(known: Proofs) -> None:
    proof = known.faults[NAME]

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


def test_it_arrives_as_a_placement_decision(tree: Path, known: Proofs) -> None:
    told = {"alertname": NAME, "alertstate": "firing", **rule(tree)["labels"], **TOLD}
    facilities = {fact for proof in known.faults.values() for fact in proof.facilities}
    reading = read_prometheus([told], known, "", {})
    sight = Sight(
        now=NOW,
        findings=reading.findings,
        witnesses={"http://p": Witness(observed={"n1": frozenset(facilities)})},
    )
    policy = Policy(proofs=known, verdict_max=Verdict.DRAIN, budget="100%")
    nodes = [worlds.node("n1", gpus=(8, 8)), worlds.node("n2", gpus=(8, 8))]

    after = worlds.written(nodes, decide(nodes, sight, policy, {}))

    assert reading.skipped == {}
    assert worlds.our_taints(after[0]) == {"gpu-degraded": ("cordon", "NoSchedule")}
    assert after[0].conditions["GpuDegraded"].reason == NAME
    health = {each.name: assess(worlds.document(each)) for each in after}
    unfit = {name: each for name, each in health.items() if each.refusals}
    sifted = sift(["n1", "n2"], (), unfit)
    assert sifted.passed == ["n2"]
    assert sifted.refused["n1"].reason == "railwatch: GpuDegraded (cordon)"
