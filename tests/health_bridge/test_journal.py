"""The decision log: what is written when, how large it grows, and what a full disk costs."""

import errno
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from health_bridge.decision.decide import Decision
from health_bridge.decision.fencing import Device, Fences, Rule
from health_bridge.decision.nodes import Node
from health_bridge.decision.shadow import after
from health_bridge.decision.sight import Sight
from health_bridge.journal import Journal, Reader, files_of
from health_bridge.moment import Moment, told
from tests.health_bridge.worlds import FOREIGN, KEYS, NOW, lost_gpu, node, policy, sight

NAMES = ("a", "b", "c")


def journal(
    path: Path, *, size: int = 1 << 20, files: int = 3, counted: Counter[str] | None = None
) -> Journal:
    told = Counter() if counted is None else counted
    return Journal(path, size=size, files=files, count=lambda result: told.update([result]))


def note(to: Journal, nodes: list[Node], seen: Sight) -> list[Node]:
    """Decide and note it; return the nodes after its steps."""
    moment = Moment(nodes=nodes, sight=seen, policy=policy())
    decision = moment.decide()
    to.note(moment, decision)
    plans = {plan.node.name: plan for plan in decision.plans}
    return [after(plans[n.name], KEYS) if n.name in plans else n for n in nodes]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def fleet() -> list[Node]:
    return [node(name, taints=(FOREIGN,), tiers={0: "leaf"}) for name in NAMES]


def test_a_cycle_that_decides_nothing_new_writes_nothing(tmp_path: Path) -> None:
    log = journal(tmp_path / "log")

    nodes = note(log, fleet(), sight(nodes=NAMES))
    nodes = note(log, nodes, sight(nodes=NAMES, now=NOW + 15))
    nodes = note(log, nodes, sight(lost_gpu("a"), nodes=NAMES, now=NOW + 30))
    note(log, nodes, sight(lost_gpu("a"), nodes=NAMES, now=NOW + 45))

    assert [line["at"] for line in lines(tmp_path / "log")] == [NOW, NOW + 30]


def test_a_line_holds_what_has_changed_and_no_node_that_has_not(tmp_path: Path) -> None:
    log = journal(tmp_path / "log")

    nodes = note(log, fleet(), sight(nodes=NAMES))
    nodes = note(log, nodes, sight(lost_gpu("a"), nodes=NAMES, now=NOW + 15))
    note(log, nodes, sight(lost_gpu("a"), lost_gpu("b"), nodes=NAMES, now=NOW + 30))

    first, _, last = lines(tmp_path / "log")
    assert first["full"] is True
    assert last["full"] is False
    assert isinstance(last["set"], dict)
    assert {key for key in last["set"] if key.startswith("node ")} == {"node a"}
    assert {key for key in last["set"] if key.startswith("finding ")} == {
        "finding b GpuFellOffBus GPU-b"
    }


def test_what_is_read_is_what_was_decided_on(tmp_path: Path) -> None:
    device = Device(driver="gpu.nvidia.com", pool="a", name="gpu-3")
    rule = Rule(name="r", device=device, key="k", value="drain")
    seen = replace(
        sight(
            lost_gpu("a"),
            nodes=NAMES,
            proven=[("RdmaLinkDown", "b", "guid-b")],
            boots={"a": NOW - 5.5},
            resets={("a", "GPU-a"): NOW - 4.0},
            complete=False,
        ),
        down=frozenset({"http://other"}),
    )
    moment = Moment(
        nodes=fleet(),
        sight=seen,
        policy=policy(tiers=(("0", "50%"),)),
        memory={("b", "GpuUnavailable"): NOW - 3.0},
        fences=Fences(devices={("a", "GPU-a"): device}, rules=frozenset({rule})),
    )
    decision = moment.decide()

    journal(tmp_path / "log").note(moment, decision)
    (entry,) = Reader(paths=[tmp_path / "log"])

    assert entry.moment.sight == seen
    assert entry.moment.fences == moment.fences
    assert entry.moment.memory == moment.memory
    assert [replace(n, version="1") for n in entry.moment.nodes] == list(moment.nodes)
    assert entry.outcome == told(decision)
    assert told(entry.moment.decide()) == told(decision)


def test_files_are_as_large_and_as_many_as_they_may_be(tmp_path: Path) -> None:
    log = journal(tmp_path / "log", size=20_000, files=3)
    nodes = fleet()

    for count in range(60):
        fault = lost_gpu("a", evidence=f"{count}" * 100, device=f"GPU-{count}")
        note(log, nodes, sight(fault, nodes=NAMES, now=NOW + count))

    files = files_of(tmp_path / "log")
    assert [file.name for file in files] == ["log.2", "log.1", "log"]
    assert len(list(tmp_path.iterdir())) == 3
    assert all(file.stat().st_size <= 20_000 for file in files)
    assert all(lines(file)[0]["full"] for file in files)
    reader = Reader(paths=files)
    assert [entry.moment.sight.now for entry in reader][-1] == NOW + 59
    assert reader.unread == 0


def test_a_restart_begins_anew_after_a_line_that_a_crash_has_cut(tmp_path: Path) -> None:
    path = tmp_path / "log"
    nodes = note(journal(path), fleet(), sight(nodes=NAMES))
    nodes = note(journal(path), nodes, sight(lost_gpu("a"), nodes=NAMES))
    os.truncate(path, path.stat().st_size - 40)

    note(journal(path), nodes, sight(lost_gpu("a"), lost_gpu("b"), nodes=NAMES))

    reader = Reader(paths=[path])
    assert len(list(reader)) == 2
    assert reader.unread == 1


def test_a_file_that_somebody_takes_away_is_begun_anew(tmp_path: Path) -> None:
    log = journal(tmp_path / "log")
    nodes = note(log, fleet(), sight(nodes=NAMES))
    (tmp_path / "log").unlink()

    note(log, nodes, sight(lost_gpu("a"), nodes=NAMES))

    assert [line["full"] for line in lines(tmp_path / "log")] == [True]


def test_what_builds_on_a_broken_line_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = journal(path)
    nodes = fleet()
    for count in range(3):
        nodes = note(log, nodes, sight(lost_gpu("abc"[count]), nodes=NAMES, now=NOW + count))
    kept = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(kept[0] + b"{nonsense\n" + kept[2])

    reader = Reader(paths=[path])

    assert len(list(reader)) == 1
    assert reader.unread == 2


@pytest.mark.parametrize("part", [0, 10])
def test_a_full_disk_leaves_no_half_line_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    path = tmp_path / "log"
    counted: Counter[str] = Counter()
    log = journal(path, counted=counted)
    nodes = note(log, fleet(), sight(nodes=NAMES))
    before = path.read_bytes()
    real, left = os.write, [part]

    def write(file: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count, left[0] = left[0], 0
        return real(file, data[:count])

    monkeypatch.setattr(os, "write", write)
    nodes = note(log, nodes, sight(lost_gpu("a"), nodes=NAMES, now=NOW + 1))
    failed = log.error, dict(counted), path.read_bytes()
    monkeypatch.setattr(os, "write", real)
    note(log, nodes, sight(lost_gpu("a"), lost_gpu("b"), nodes=NAMES, now=NOW + 2))

    assert failed[0] is not None
    assert "No space left" in failed[0]
    assert failed[1:] == ({"written": 1, "failed": 1}, before)
    assert log.error is None
    reader = Reader(paths=[path])
    assert [len(entry.outcome) for entry in reader] == [3, 2]
    assert reader.unread == 0


def test_a_folder_that_is_not_there_stops_nobody(tmp_path: Path) -> None:
    counted: Counter[str] = Counter()
    log = journal(tmp_path / "nowhere" / "log", counted=counted)

    note(log, fleet(), sight(nodes=NAMES))

    assert log.error is not None
    assert counted == {"failed": 1}


def test_five_thousand_nodes_cost_one_large_line_and_then_small_ones(tmp_path: Path) -> None:
    names = [f"node-{number}" for number in range(5000)]
    log = journal(tmp_path / "log", size=1 << 26)
    nodes = note(log, [node(name) for name in names], sight(nodes=names))

    nodes = note(log, nodes, sight(lost_gpu("node-7"), nodes=names, now=NOW + 15))
    note(log, nodes, sight(lost_gpu("node-8"), lost_gpu("node-7"), nodes=names, now=NOW + 30))

    sizes = [len(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    assert max(sizes[-1:]) < 4096


def test_a_decision_without_nodes_is_a_line_too(tmp_path: Path) -> None:
    counted: Counter[str] = Counter()
    log = journal(tmp_path / "log", counted=counted)
    moment = Moment(nodes=[], sight=sight(), policy=policy())
    decision: Decision = moment.decide()

    log.note(moment, decision)

    assert counted == {"written": 1}
