"""A log decided again: as it was, nothing differs; under another policy, what would have been."""

import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_bridge import replay
from health_bridge.decision.nodes import Node
from health_bridge.decision.outcome import Memory
from health_bridge.decision.policy import Policy
from health_bridge.decision.shadow import after
from health_bridge.decision.sight import Sight
from health_bridge.journal import Journal, Reader
from health_bridge.moment import Moment
from program.errors import ProgramError, UsageError
from tests.budget import examples
from tests.health_bridge.test_properties import fleets, policies, sights
from tests.health_bridge.worlds import KEYS, NOW, lost_gpu, node, policy, sight

NAMES = ("a", "b", "c", "d")


def record(path: Path, nodes: Sequence[Node], seen: Sequence[Sight], under: Policy) -> Journal:
    """Let a bridge run and log."""
    log = Journal(path, size=1 << 22, files=2)
    memory: Memory = {}
    for each in seen:
        moment = Moment(nodes=nodes, sight=each, policy=under, memory=memory)
        decision = moment.decide()
        log.note(moment, decision)
        memory = decision.memory
        plans = {plan.node.name: plan for plan in decision.plans}
        nodes = [after(plans[n.name], KEYS) if n.name in plans else n for n in nodes]
    return log


def again(path: Path, *flags: str) -> tuple[int, str]:
    out = io.StringIO()
    code = replay.main([*flags, str(path)], out)
    return code, out.getvalue()


def storm(path: Path, **fields: Any) -> None:
    """Record four nodes that lose a GPU one after the other, and get it back."""
    nodes = [node(name, labels={"pool": "p"}) for name in NAMES]
    lost = [lost_gpu(name, since=NOW) for name in NAMES]
    seen = [
        sight(nodes=NAMES),
        *(sight(*lost[: n + 1], nodes=NAMES, now=NOW + 60 * (n + 1)) for n in range(4)),
        sight(*lost, nodes=NAMES, now=NOW + 300),
        sight(
            nodes=NAMES,
            now=NOW + 600,
            proven=[("GpuFellOffBus", name, f"GPU-{name}") for name in NAMES],
            boots=dict.fromkeys(NAMES, NOW + 400.0),
        ),
    ]
    record(path, nodes, seen, policy(keys=KEYS, **fields))


@given(fleets(), st.lists(sights(), max_size=4), policies)
@settings(max_examples=examples(40), deadline=None)
def test_no_run_that_was_recorded_differs_when_it_is_replayed(
    nodes: list[Node], seen: list[Sight], under: Policy
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        log = record(path, nodes, seen, under)
        run = replay.Replay(reader=Reader(paths=[path] if path.exists() else []))

        assert log.error is None
        assert list(run.run()) == []
        assert run.summary.decisions == len(path.read_bytes().splitlines() if seen else ())
        assert run.summary.unread == 0


def test_as_it_was_nothing_differs_and_the_sum_tells_what_was(tmp_path: Path) -> None:
    storm(tmp_path / "log", budget="2")

    code, said = again(tmp_path / "log", "--check")

    assert code == 0
    assert said == (
        "6 decisions from 2027-01-15T08:00:00Z to 2027-01-15T08:10:00Z, 0 differ; "
        "nodes out of use at most: 2 recorded, 2 replayed\n"
    )


def test_another_budget_says_who_would_have_been_taken(tmp_path: Path) -> None:
    storm(tmp_path / "log", budget="2")

    code, said = again(tmp_path / "log", "--budget.fleet=100%", "--check")

    assert code == 1
    assert "2027-01-15T08:03:00Z c\n  - GpuFellOffBus GPU-c: drain withheld (fleet)\n" in said
    assert "  + GpuFellOffBus GPU-c: drain applied\n" in said
    assert said.count(" c\n") == 1  # it is said when it begins, not in every line
    assert "at most: 2 recorded, 4 replayed" in said


@pytest.mark.parametrize(
    ("flag", "replayed"),
    [
        ("--verdict.max=observe", 0),
        ("--verdict.max=avoid", 0),
        ("--budget.label=pool=3", 3),
        ("--budget.rate=1/1h", 1),
        ("--pause", 0),
    ],
)
def test_every_part_of_a_policy_can_be_tried(tmp_path: Path, flag: str, replayed: int) -> None:
    storm(tmp_path / "log")

    code, said = again(tmp_path / "log", flag)

    assert code == 0
    assert f"at most: 4 recorded, {replayed} replayed" in said


def test_a_policy_that_is_the_same_differs_in_nothing(tmp_path: Path) -> None:
    storm(tmp_path / "log", budget="2")

    code, said = again(tmp_path / "log", "--budget.fleet=2", "--check")

    assert (code, "0 differ" in said) == (0, True)


def test_json_has_an_object_a_line_and_the_sum_last(tmp_path: Path) -> None:
    storm(tmp_path / "log", budget="2")

    _, said = again(tmp_path / "log", "--budget.fleet=1", "--json")

    *differences, last = [json.loads(line) for line in said.splitlines()]
    assert differences[0] == {
        "at": NOW + 120,
        "node": "b",
        "recorded": ["GpuFellOffBus GPU-b: drain applied"],
        "replayed": ["GpuFellOffBus GPU-b: drain withheld (fleet)"],
    }
    assert last["summary"]["recorded_peak"] == 2
    assert last["summary"]["replayed_peak"] == 1


def test_a_decision_that_was_another_is_found(tmp_path: Path) -> None:
    storm(tmp_path / "log", budget="2")
    text = (tmp_path / "log").read_text(encoding="utf-8")
    (tmp_path / "log").write_text(text.replace('"withheld_by":"fleet"', '"withheld_by":"rate"'))

    code, said = again(tmp_path / "log", "--check")

    assert code == 1
    assert "  - GpuFellOffBus GPU-c: drain withheld (rate)" in said


def test_a_cut_last_line_is_left_out_and_said(tmp_path: Path) -> None:
    storm(tmp_path / "log")
    raw = (tmp_path / "log").read_bytes()
    (tmp_path / "log").write_bytes(raw[:-30])

    code, said = again(tmp_path / "log")

    assert code == 0
    assert "5 decisions" in said
    assert "1 lines could not be read" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no decision is in it (0 lines)"),
        ("nonsense\n", "no decision is in it (1 lines)"),
        ('{"v":2,"at":1,"full":true}\n', "no decision of a version that this program knows"),
        ('{"v":1,"at":1,"full":true,"set":{"sight ":[]}}\n', "no decision is in it (1 lines)"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "log").write_text(content, encoding="utf-8")

    with pytest.raises(ProgramError, match=f"log: {said[:20]}") as error:
        again(tmp_path / "log")

    assert said in str(error.value)


def test_bad_words_are_refused(tmp_path: Path) -> None:
    storm(tmp_path / "log")

    with pytest.raises(UsageError, match="is not a whole number"):
        again(tmp_path / "log", "--budget.fleet=0")
    with pytest.raises(ProgramError, match="does not have that label"):
        again(tmp_path / "log", "--budget.label=rack=1")
    with pytest.raises(ProgramError, match="No such file"):
        again(tmp_path / "nowhere")
