"""How the fabric tools are run, on tools that misbehave."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporters.fabric.fabric import Budget, Toolbox, ToolError
from testbed.waiting import PATIENCE, wait_until
from tests.exporters.running import ROOT, await_gone


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder before all others on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    return tmp_path


def tool(folder: Path, script: str) -> None:
    (folder / "ibnetdiscover").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "ibnetdiscover").chmod(0o755)


def test_what_it_says_and_complains_of(folder: Path) -> None:
    tool(folder, 'echo "$LC_ALL $@"; echo careful >&2')

    said = Toolbox(deadline=PATIENCE, ca="mlx5_4", port=2).run("ibnetdiscover", "--cache", "x")

    assert said.output == "C -C mlx5_4 -P 2 --cache x\n"
    assert said.complaints == "careful\n"


def test_one_that_does_not_end_is_killed_with_what_it_started(folder: Path) -> None:
    file, deadline = folder / "pids", 0.5
    tool(folder, f"sleep 3600 & echo $! $$ > {file}; wait")

    while not (file.exists() and file.read_text()):  # it may not have come that far in time
        with pytest.raises(ToolError) as caught:
            Toolbox(deadline=deadline).run("ibnetdiscover")
        assert caught.value.reason == "timeout"
        deadline *= 4

    await_gone([int(pid) for pid in file.read_text().split()])


def test_one_that_goes_on_talking_past_its_deadline_is_cut_off(folder: Path) -> None:
    tool(folder, "while :; do echo chatter; sleep 0.01; done")

    with pytest.raises(ToolError, match="no answer in time"):
        Toolbox(deadline=0.5).run("ibnetdiscover")


def test_one_that_says_too_much_is_cut_off(folder: Path) -> None:
    tool(folder, "yes")

    with pytest.raises(ToolError) as caught:
        Toolbox(deadline=PATIENCE, limit=1 << 20).run("ibnetdiscover")

    assert caught.value.reason == "oversize"


def test_one_that_only_complains_for_ever_takes_no_memory(folder: Path) -> None:
    tool(folder, "head -c 3000000 /dev/zero >&2; echo fine")

    said = Toolbox(deadline=PATIENCE).run("ibnetdiscover")

    assert said.output == "fine\n"
    assert len(said.complaints) < 1 << 17


def test_one_that_fails_is_quoted(folder: Path) -> None:
    tool(folder, "echo 'ibwarn: no port' >&2; exit 1")

    with pytest.raises(ToolError, match="ibnetdiscover: ended with 1: ibwarn: no port"):
        Toolbox(deadline=PATIENCE).run("ibnetdiscover")


def test_one_that_is_not_there_is_named_with_its_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))

    with pytest.raises(ToolError, match=r"not installed .package infiniband-diags"):
        Toolbox(deadline=PATIENCE).run("ibnetdiscover")


def test_one_dies_with_its_worker(folder: Path) -> None:
    file = folder / "pid"
    tool(folder, f"echo $$ > {file}; exec sleep 3600")
    code = "from exporters.fabric.fabric import Toolbox; Toolbox(deadline=999).run('ibnetdiscover')"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as worker:
        try:
            wait_until(lambda: file.exists() and file.read_text(), what="the tool's start")
        finally:
            worker.kill()

    await_gone([int(file.read_text())])


def test_a_budget_makes_the_next_wait_until_the_last_is_paid_for() -> None:
    now, slept = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    budget = Budget(500, clock=lambda: now[0], sleep=sleep)
    budget.pay()
    budget.spend(1000)
    budget.spend(250)
    budget.pay()
    budget.pay()

    assert slept == [2.5]
    assert budget.spent == 1250
