"""Every command of README and quick start is run as it stands there, or it says here why not."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from testbed.servers import Cluster
from testbed.tools import ensure
from tests.docs.pages import ROOT, page

QUICKSTART, README = "docs/quickstart.md", "README.md"
TRANSLATED = {QUICKSTART: "docs/zh/quickstart.md", README: "README.zh-CN.md"}

ELSEWHERE = {"README.md", "quickstart.md"}
"""Names that only a translation needs: those of the originals."""

NOT_RUN = {
    "make setup": "sets up what this test runs in, system packages included",
    "podman build": "needs a registry to build from; tests/install checks each step of the recipe",
    "podman push": "needs a registry",
}
"""Commands by their first words, and why no test can run them."""

TOOLS = ("promtool", "amtool", "helm", "kustomize")
THEIRS = {"route": {"receiver": "people"}, "receivers": [{"name": "people"}]}
"""An Alertmanager configuration of somebody's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A checkout to run commands in, whose build/ is its own, and a cluster to run them against."""

    root: Path
    cluster: Cluster
    environment: Mapping[str, str]

    def run(self, command: str) -> str:
        """Run a command as a reader's shell does; it must succeed."""
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", command],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


def commands(name: str) -> list[str]:
    """Return the commands of a page's sh blocks, a line each, in their order."""
    return [
        line for block in page(name).blocks("sh") for line in block.splitlines() if line.strip()
    ]


def reason(command: str) -> str | None:
    """Return why a command is not run; None where it is."""
    return next((why for words, why in NOT_RUN.items() if command.startswith(words)), None)


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def lay_tools(folder: Path) -> None:
    """Put into a folder the programs that a reader has on PATH."""
    folder.mkdir()
    for name, program in ensure(*TOOLS).items():
        (folder / name).symlink_to(program)
    make = shutil.which("make")
    assert make is not None
    # The environment stands, and is others' too: it is not made anew for being older than a file.
    script(folder / "make", f'exec {make} -o .venv/.ready "$@"')
    if shutil.which("kubectl") is None:
        script(
            folder / "kubectl",
            f'PYTHONPATH={shlex.quote(str(ROOT))} exec {sys.executable} -m tests.docs.kubectl "$@"',
        )


def lay_checkout(root: Path) -> None:
    """Link all of the checkout but what is built."""
    (root / "build").mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.name not in ("build", ".git"):
            (root / path.name).symlink_to(path)
    if not (root / ".venv").exists():
        (root / ".venv/bin").mkdir(parents=True)
        for name in ("python", "railwatch-render", "railwatch-exporter"):
            (root / ".venv/bin" / name).symlink_to(Path(sys.executable).parent / name)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    lay_tools(folder / "bin")
    lay_checkout(folder / "checkout")
    with Cluster() as cluster:
        yield Desk(
            root=folder / "checkout",
            cluster=cluster,
            environment={
                **os.environ,
                "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
                "KUBECONFIG": str(cluster.kubeconfig),
                "HOME": str(folder),  # Helm's and kubectl's caches
                "MAKEFLAGS": "",
                "HELM_BURST_LIMIT": "10000",  # nobody else asks this API server
            },
        )


@pytest.mark.cluster
def test_the_quick_start_runs_from_its_first_line_to_its_last(desk: Desk) -> None:
    (toml,) = page(QUICKSTART).blocks("toml")
    (desk.root / "render.toml").write_text(toml, encoding="utf-8")
    (desk.root / "alertmanager.yaml").write_text(yaml.safe_dump(THEIRS))

    for command in commands(QUICKSTART):
        if reason(command) is None:
            desk.run(command)

    rules = desk.root / "build/render/prometheus/rules/shard"
    assert any("wiki.example.com" in path.read_text() for path in rules.glob("*.yaml"))
    bridge = arguments(desk, "railwatch-bridge")
    assert {"--verdict.max=avoid", "--cluster=gpu-east"} <= bridge
    assert "--drain" in arguments(desk, "railwatch-scheduler")


@pytest.mark.cluster
def test_the_commands_of_the_readme_run_as_well(desk: Desk) -> None:
    """Over what the quick start has installed, too: they set everything to how it begins."""
    for command in commands(README):
        desk.run(command)

    assert "--verdict.max=observe" in arguments(desk, "railwatch-bridge")
    assert "--drain" not in arguments(desk, "railwatch-scheduler")
    proofs = desk.cluster.api.get("/api/v1/namespaces/railwatch/configmaps/railwatch-proofs")
    assert "proofs.yaml" in proofs["data"]


@pytest.mark.cluster
def test_what_stands_in_for_kubectl_does_as_it_is_told(desk: Desk) -> None:
    stand_in = f"PYTHONPATH={shlex.quote(str(ROOT))} {sys.executable} -m tests.docs.kubectl"
    desk.cluster.api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "gpu-0"}})

    desk.run(f"{stand_in} apply -k deploy/")
    desk.run(f"{stand_in} apply -f deploy/namespace.yaml")

    assert desk.run(f"{stand_in} get nodes -o wide") == "gpu-0\n"
    assert "--verdict.max=observe" in arguments(desk, "railwatch-bridge")
    with pytest.raises(AssertionError, match="invalid choice: 'delete'"):
        desk.run(f"{stand_in} delete nodes")


def arguments(desk: Desk, deployment: str) -> set[str]:
    """Return the flags that a Deployment's first container was given."""
    path = f"/apis/apps/v1/namespaces/railwatch/deployments/{deployment}"
    containers = desk.cluster.api.get(path)["spec"]["template"]["spec"]["containers"]
    return set(containers[0]["args"])


def test_what_is_not_run_says_why_and_is_there() -> None:
    there = commands(README) + commands(QUICKSTART)
    assert [words for words in NOT_RUN if not any(each.startswith(words) for each in there)] == []
    assert len([each for each in there if reason(each) is None]) >= 15


@pytest.mark.parametrize(("ours", "theirs"), TRANSLATED.items())
def test_the_translation_has_the_same_blocks(ours: str, theirs: str) -> None:
    for kind in ("sh", "text", "toml", "yaml"):
        assert page(ours).blocks(kind) == page(theirs).blocks(kind)


@pytest.mark.parametrize(("ours", "theirs"), TRANSLATED.items())
def test_the_translation_names_nothing_that_the_original_does_not(ours: str, theirs: str) -> None:
    names = re.compile(r"--[a-z][\w.-]+|railwatch[\w./-]*[\w]|[\w-]+\.[A-Za-z]\w+")
    original = set(names.findall(page(ours).text))

    assert {n for n in names.findall(page(theirs).text) if n not in original} <= ELSEWHERE


@pytest.mark.parametrize(("ours", "theirs"), TRANSLATED.items())
def test_the_translation_has_the_same_sections(ours: str, theirs: str) -> None:
    levels = [
        [
            line.split(" ")[0]
            for line in page(name).text.splitlines()
            if line.startswith(("## ", "### "))
        ]
        for name in (ours, theirs)
    ]
    assert levels[0] == levels[1]
