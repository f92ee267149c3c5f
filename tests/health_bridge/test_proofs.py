"""The proofs file, and the queries made from it."""

import copy
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.faults import Recovery
from catalog.verdicts import Verdict
from health_bridge.decision.proofs import load, node_matcher, queries
from program.errors import ProgramError
from tests.budget import examples
from tests.health_bridge.site import PROOFS

GOOD: dict[str, Any] = yaml.safe_load(PROOFS.read_text(encoding="utf-8"))


def test_a_proofs_file_is_read() -> None:
    known = load(str(PROOFS))

    proof = known.faults["GpuFellOffBus"]
    assert (proof.verdict, proof.recovery, proof.soak) == (Verdict.DRAIN, Recovery.REBOOT, 2.0)
    assert known.conditions == ("GpuUnavailable", "RdmaLinkDown")
    assert known.facilities("GpuUnavailable") == ("gpu/state",)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), 2, "version: expected 1, found 2"),
        (("observed",), None, "observed: expected a non-empty text"),
        (("boot_time",), "x", "boot_time: the placeholder $selector is missing"),
        (("faults",), {}, "faults: expected a list"),
        (("extra",), 1, "the file: unknown field 'extra'"),
        (("faults", 0), "x", "faults[0]: expected a mapping"),
        (("faults", 0, "fault"), "no name", "faults[0].fault: 'no name' is not a name"),
        (("faults", 1, "fault"), "GpuFellOffBus", "faults[1].fault: GpuFellOffBus is there twice"),
        (("faults", 0, "condition"), "Nope", "faults[0].condition: 'Nope' is not one of"),
        (("faults", 0, "verdict"), "kill", "faults[0].verdict: 'kill' is not one of 'observe'"),
        (("faults", 0, "identity"), "gpu", "faults[0].identity: 'gpu' is not one of"),
        (("faults", 0, "recovery"), False, "faults[0].recovery: False is not one of"),
        (("faults", 0, "soak"), 10, "faults[0].soak: expected a non-empty text"),
        (("faults", 0, "soak"), "10", "faults[0].soak: '10' is not a duration"),
        (("faults", 0, "facilities"), [], "faults[0].facilities: expected a non-empty list"),
        (("faults", 0, "facilities"), ["gpu"], "faults[0].facilities[0]: 'gpu' is not a facility"),
        (("faults", 0, "query"), "up", "faults[0].query: the placeholder $selector is missing"),
        (("faults", 0, "typo"), 1, "faults[0]: unknown field 'typo'"),
    ],
)
def test_a_wrong_field_is_named(
    tmp_path: Path, path: tuple[Any, ...], value: Any, message: str
) -> None:
    document = copy.deepcopy(GOOD)
    at: Any = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    file = tmp_path / "proofs.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")

    with pytest.raises(ProgramError) as raised:
        load(str(file))

    assert f"--proofs.file {file}: {message}" in str(raised.value)


@pytest.mark.parametrize("name", ["version", "faults", "alerts", "reset_time"])
def test_a_missing_field_is_named(tmp_path: Path, name: str) -> None:
    file = tmp_path / "proofs.yaml"
    file.write_text(yaml.safe_dump({k: v for k, v in GOOD.items() if k != name}), encoding="utf-8")

    with pytest.raises(ProgramError, match=f"field '{name}' is missing"):
        load(str(file))


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00", "a: &a [*a]"])
def test_a_file_that_is_no_proofs_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "proofs.yaml"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(ProgramError, match=r"--proofs\.file"):
        load(str(file))


def test_one_node_is_matched_plainly_and_several_by_expression() -> None:
    assert node_matcher(["gpu-1"]) == 'node="gpu-1"'
    assert node_matcher(["b.x", "a"]) == r'node=~"a|b\\.x"'


@given(st.sets(st.text(min_size=1, max_size=20), min_size=1, max_size=4))
@settings(max_examples=examples(100), deadline=None)
def test_no_node_name_breaks_out_of_its_matcher(names: set[str]) -> None:
    (query,) = queries("up{job='x', $selector}", names, batch=10)

    parsed = promql_parser.parse(query)

    assert isinstance(parsed, promql_parser.VectorSelector)
    assert [matcher.name for matcher in parsed.matchers.matchers] == ["job", "node"]


def test_many_nodes_are_asked_about_in_batches() -> None:
    asked = list(queries("up{$selector}", [f"n{i}" for i in range(5)], batch=2))

    assert asked == ['up{node=~"n0|n1"}', 'up{node=~"n2|n3"}', 'up{node="n4"}']
