"""What docs/scheduler.md shows of railwatch-scheduler's answers is what it answers."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from testbed.servers import Cluster
from tests.docs import town
from tests.docs.pages import page, pages

PAGE = "docs/scheduler.md"
SHOWN = page(PAGE).blocks("console")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        town.build(cluster.api)
        yield cluster


@pytest.mark.cluster
@pytest.mark.parametrize("block", SHOWN, ids=[each.splitlines()[0] for each in SHOWN])
def test_the_answer_is_the_one_that_the_page_shows(cluster: Cluster, block: str) -> None:
    command, _, answer = block.partition("\n")
    prompt, program, *words = command.split()
    assert (prompt, program) == ("$", "railwatch-scheduler")

    argv = [sys.executable, "-m", "scheduler_feedback", *words]
    done = subprocess.run(
        [*argv, f"--kubeconfig={cluster.kubeconfig}"], capture_output=True, text=True, check=True
    )

    assert re.fullmatch(pattern(answer), done.stdout, re.DOTALL), done.stdout


def pattern(answer: str) -> str:
    """Return what an answer has to match whose `…` stand for any text."""
    return ".*".join(map(re.escape, answer.split("…")))


def test_answers_are_shown_on_no_other_page() -> None:
    assert [each.name for each in pages() if each.blocks("console")] == [PAGE]
