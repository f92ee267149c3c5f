"""LLDP neighbours from lldpd's JSON, and what frames say."""

import json
import random
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.topology import METRICS, RDMA_LLDP_NEIGHBOR, RDMA_LLDP_SILENT
from exporters import exposition
from exporters.errors import Absent, Unreadable
from exporters.exposition import Writer
from exporters.facility import State
from exporters.topology.lldp import Neighbor, read_neighbors
from exporters.topology.lldp_frames import parse
from exporters.topology.neighbors import neighbors
from exporters.topology.node import Node
from exporters.topology.view import Heard
from testbed import lldp
from testbed.lldp import SwitchPort, part, payload
from testbed.sysfs.pci import PciBus
from testbed.tools import ensure
from tests.budget import examples
from tests.exporters.topology.nodes import document, outcomes, reasons, series

Form = Callable[[Mapping[str, Sequence[SwitchPort]]], str]

FORMS = pytest.mark.parametrize("form", [lldp.json0, lldp.plain_json], ids=["json0", "json"])
LEAF = Neighbor(
    netdev="eth0",
    chassis="0c:29:ef:12:34:56",
    system="leaf-01",
    port="Ethernet1/7",
    port_description="node-1 rail 3",
)


def written(tmp_path: Path, text: str) -> str:
    (tmp_path / "lldp.json").write_text(text)
    return str(tmp_path / "lldp.json")


@FORMS
def test_one_neighbour(tmp_path: Path, form: Form) -> None:
    assert read_neighbors(written(tmp_path, form({"eth0": [SwitchPort()]}))) == {"eth0": LEAF}


@FORMS
def test_no_neighbour(tmp_path: Path, form: Form) -> None:
    assert read_neighbors(written(tmp_path, form({}))) == {}


@FORMS
def test_many_neighbours_and_of_several_on_one_wire_the_first(tmp_path: Path, form: Form) -> None:
    told = {"eth0": [SwitchPort(), SwitchPort(system="phone")], "eth1": [SwitchPort(port="2")]}

    found = read_neighbors(written(tmp_path, form(told)))

    assert found["eth0"] == LEAF
    assert (found["eth1"].port, found["eth1"].leaf) == ("2", "leaf-01")


@FORMS
def test_a_switch_without_a_name_is_its_address(tmp_path: Path, form: Form) -> None:
    found = read_neighbors(written(tmp_path, form({"eth0": [SwitchPort(system="")]})))

    assert found["eth0"].leaf == "0c:29:ef:12:34:56"


@pytest.mark.parametrize("text", ["", "[]", "{", '"lldp"', '{"interfaces": []}', "[" * 100_000])
def test_what_is_no_lldpd_json_is_said(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unreadable, match=r"lldp\.json"):
        read_neighbors(written(tmp_path, text))


def test_a_file_that_is_not_there_is_absent(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        read_neighbors(str(tmp_path / "none"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["lldp", "interface", "name", "chassis", "port", "id", "value", "e"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
@settings(max_examples=examples(100), deadline=None)
def test_any_json_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, said: object
) -> None:
    path = written(tmp_path_factory.getbasetemp(), json.dumps({"lldp": said}))

    for netdev, neighbor in read_neighbors(path).items():
        assert netdev == neighbor.netdev
        assert neighbor.leaf.isprintable()


def test_a_frame_says_what_lldpd_would() -> None:
    found = parse("eth0", payload(SwitchPort()))

    assert found is not None
    assert (found.neighbor, found.lifetime) == (LEAF, 120)


def test_identifiers_that_are_no_text_are_shown_as_bytes() -> None:
    told = part(1, b"\x07\xff\xfe\x00") + part(2, b"\x03" + b"\xaa" * 6) + part(3, b"\x00\x78")

    found = parse("eth0", told)

    assert found is not None
    assert (found.neighbor.chassis, found.neighbor.port) == ("ff:fe:00", "aa:aa:aa:aa:aa:aa")


@pytest.mark.parametrize(
    "told",
    [b"", b"\x00", part(2, b"\x05a"), part(1, b"\x04" + b"a" * 6), payload(SwitchPort())[:20]],
    ids=["nothing", "half", "no chassis", "only a chassis", "cut"],
)
def test_what_is_no_lldp_is_passed_over(told: bytes) -> None:
    assert parse("eth0", told) is None


@given(st.integers(0, 2**64))
@settings(max_examples=examples(500), deadline=None)
def test_any_frame_is_read_or_passed_over(seed: int) -> None:
    of = random.Random(seed)
    told = bytearray(payload(SwitchPort()))
    for _ in range(of.randint(0, 20)):
        told[of.randrange(len(told))] = of.randrange(256)
    told = told[: of.randrange(len(told) + 1)]

    found = parse("eth0", bytes(told))

    if found is not None:
        assert found.neighbor.leaf.isprintable()
        assert 0 <= found.lifetime <= 0xFFFF


@FORMS
def test_rails_have_the_leaves_that_lldp_names(tmp_path: Path, form: Form) -> None:
    told = {f"eth{n}": [SwitchPort(system=f"leaf-{n}")] for n in range(4)}
    file = written(tmp_path, form(told))

    bus = PciBus.rails(tmp_path / "node", 4)
    found = outcomes(bus, lldp_file=file)

    named = series(found["places"])
    assert found["neighbors"].state is State.OK
    assert named["topology_info", "mlx5_2", "1", "2", "leaf-2", "compute"] == 1
    assert [rail["leaf"] for rail in document(bus, lldp_file=file)["rails"]] == [
        "leaf-0",
        "leaf-1",
        "leaf-2",
        "leaf-3",
    ]
    chassis = SwitchPort().mac
    neighbors = series(found["neighbors"])
    assert neighbors["lldp_neighbor_info", "eth0", "leaf-0", chassis, "Ethernet1/7"] == 1


def test_two_cables_that_are_swapped_are_named(tmp_path: Path) -> None:
    reached = ["leaf-0", "leaf-2", "leaf-1", "leaf-3"]
    told = {f"eth{n}": [SwitchPort(system=leaf)] for n, leaf in enumerate(reached)}
    declared = tmp_path / "roles.yaml"
    declared.write_text("leaves: {0: leaf-0, 1: leaf-1, 2: leaf-2}\n")
    flags = {
        "lldp_file": written(tmp_path, lldp.json0(told)),
        "topology_roles_file": str(declared),
    }
    bus = PciBus.rails(tmp_path / "node", 4)

    made = document(bus, **flags)
    named = series(outcomes(bus, **flags)["places"])

    assert [rail["miscabled"] for rail in made["rails"]] == [False, True, True, None]
    assert made["rails"][1]["expected_leaf"] == "leaf-1"
    assert made["rails"][3]["reason"] == "no leaf is declared for this rail"
    assert named["rail_miscabled", "mlx5_1", "1", "1", "leaf-2", "leaf-1"] == 1
    assert named["rail_miscabled", "mlx5_0", "1", "0", "leaf-0", "leaf-0"] == 0


def test_of_an_interface_whose_neighbour_is_known_nothing_is_said_of_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = Node(sysfs="", procfs="", roles_file="", lldp_file="", listen=None)
    heard = Heard(neighbors={"eth0": LEAF}, silent={"eth0": False, "eth1": True})
    monkeypatch.setattr(node, "hear", lambda: heard)

    told = {(s.metric, s.labels[0]): s.value for s in neighbors(node)}

    assert told == {(RDMA_LLDP_NEIGHBOR, "eth0"): 1, (RDMA_LLDP_SILENT, "eth1"): 1}


def test_a_bond_is_known_by_the_wires_below_it(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path / "node")
    told = {"ens1f0np0": [SwitchPort(system="storage-leaf")]}

    named = series(outcomes(bus, lldp_file=written(tmp_path, lldp.json0(told)))["places"])

    assert named["topology_info", "mlx5_bond_0", "1", "", "storage-leaf", "storage"] == 1


def test_a_broken_file_costs_the_neighbours_and_not_the_places(tmp_path: Path) -> None:
    bus = PciBus.rails(tmp_path / "node", 4)
    file = written(tmp_path, "{")

    found = outcomes(bus, lldp_file=file)

    assert found["neighbors"].state is State.FAILED
    assert found["places"].state is State.OK
    assert any(
        "lldp.json" in reason for reason in reasons(document(bus, lldp_file=file), "neighbors")
    )


def test_where_nobody_asks_for_neighbours_that_is_the_reason(tmp_path: Path) -> None:
    bus = PciBus.rails(tmp_path / "node", 4)

    assert outcomes(bus)["neighbors"].state is State.ABSENT
    assert reasons(document(bus), "neighbors") == ["neither --lldp.file nor --lldp.listen is given"]


def test_each_metric_is_told_and_promtool_finds_no_fault(tmp_path: Path) -> None:
    declared = tmp_path / "roles.yaml"
    declared.write_text("leaves: {0: leaf-1}\n")
    told = written(tmp_path, lldp.json0({"eth0": [SwitchPort()]}))
    bus = PciBus.rails(tmp_path / "node", 2)

    found = outcomes(bus, lldp_file=told, topology_roles_file=str(declared))
    samples = [sample for outcome in found.values() for sample in outcome.samples]

    assert {sample.metric for sample in samples} == set(METRICS) - {RDMA_LLDP_SILENT}
    promtool = str(ensure("promtool")["promtool"])
    text = exposition.text(Writer(METRICS).write(samples)).encode()
    assert subprocess.run([promtool, "check", "metrics"], input=text, check=False).returncode == 0
