"""The RDMA facilities on trees of files."""

import contextlib
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.rdma import RDMA_PORT_INFO, RDMA_PORT_RATE, RDMA_PORT_STATE
from exporters import files
from exporters.errors import ReadingError, Unreadable
from exporters.facility import Facility, Outcome, State
from exporters.rdma import counters, port
from exporters.rdma.inventory import Expected
from exporters.rdma.sysfs import Port, bytes_per_second, leading_number, number, ports
from exporters.rdma.worker import attach
from exporters.runtime import run
from exporters.sample import Sample
from exporters.settings import Settings
from testbed.sysfs import SimulatedSysfs

CAPTURE = Path(__file__).parents[2] / "fixtures/sysfs-h100"


def values(outcome: Outcome, of: str = "mlx5_0") -> dict[str, float]:
    return {
        s.metric.name.removeprefix("railwatch_rdma_port_"): s.value
        for s in outcome.samples
        if s.labels[0] == of
    }


def read(sysfs: SimulatedSysfs, facility: Facility[Port]) -> Outcome:
    return run(facility, ports(sysfs.path).found)


def test_an_active_port() -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        sysfs.set_counter("mlx5_0", 1, "port_rcv_data", 1000)
        sysfs.set_counter("mlx5_0", 1, "link_downed", 3)

        state, counted = read(sysfs, port.FACILITY), read(sysfs, counters.FACILITY)

        assert state.state is counted.state is State.OK
        assert values(state) == {
            "info": 1,
            "state": 4,
            "physical_state": 5,
            "rate_bytes_per_second": 50e9,
        }
        assert values(counted) == {
            "receive_bytes_total": 4000,
            "transmit_bytes_total": 0,
            "link_downed_total": 3,
        }


def test_the_identity_of_a_port() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        (info,) = [s for s in read(sysfs, port.FACILITY).samples if s.metric is RDMA_PORT_INFO]

        told = dict(zip(RDMA_PORT_INFO.labels, info.labels, strict=True))
        assert told["guid"] == sysfs.guid("mlx5_0", 1)
        assert told["link_layer"] == "InfiniBand"
        assert told["pci_bus_id"].count(":") == 2
        assert told["netdev"]
        assert told["firmware"]


def test_a_roce_port_keeps_its_guid_when_its_gids_go() -> None:
    with SimulatedSysfs(ports=1, link_layer="Ethernet") as sysfs:
        before = read(sysfs, port.FACILITY).samples[0].labels
        (sysfs.path / "class/infiniband/mlx5_0/ports/1/gids/0").write_text(":".join(["0000"] * 8))

        after = read(sysfs, port.FACILITY).samples[0].labels

        assert before == after
        assert before[2].count(":") == 3


def test_the_h100_capture() -> None:
    with SimulatedSysfs.from_capture(CAPTURE) as sysfs:
        state, counted = read(sysfs, port.FACILITY), read(sysfs, counters.FACILITY)

        assert state.state is counted.state is State.OK
        assert len([s for s in state.samples if s.metric is RDMA_PORT_STATE]) == 9
        assert values(counted, "mlx5_1")["link_downed_total"] == 255
        rates = {s.labels[0]: s.value for s in state.samples if s.metric is RDMA_PORT_RATE}
        assert rates["mlx5_0"] == 50e9
        assert rates["mlx5_bond_0"] == 25e9


def test_one_unreadable_file_costs_one_series_and_is_named() -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        path = "class/infiniband/mlx5_0/ports/1/counters/port_rcv_data"
        sysfs.make_unreadable(path)

        outcome = read(sysfs, counters.FACILITY)

        assert outcome.state is State.FAILED
        assert path in outcome.problem
        assert set(values(outcome)) == {"transmit_bytes_total", "link_downed_total"}
        assert len(values(outcome, "mlx5_1")) == 3


def test_a_port_without_a_counter_has_no_series_and_nothing_is_wrong() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        folder = sysfs.path / "class/infiniband/mlx5_0/ports/1/counters"
        (folder / "link_downed").unlink()
        (folder / "port_rcv_data").write_text("N/A (no PMA)\n")

        outcome = read(sysfs, counters.FACILITY)

        assert outcome.state is State.OK
        assert set(values(outcome)) == {"transmit_bytes_total"}


def test_a_device_that_vanishes_between_listing_and_reading_is_no_failure() -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        listed = ports(sysfs.path).found
        sysfs.remove("mlx5_0")

        outcome = run(counters.FACILITY, listed)

        assert outcome.state is State.OK
        assert not values(outcome)
        assert len(values(outcome, "mlx5_1")) == 3


def test_no_rdma_at_all_is_absent(tmp_path: Path) -> None:
    outcome = run(port.FACILITY, ports(tmp_path).found)

    assert outcome.state is State.ABSENT


def test_a_device_that_cannot_be_listed_hides_no_other_and_is_told(tmp_path: Path) -> None:
    base = tmp_path / "class/infiniband"
    good = base / "mlx5_1/ports/1/counters"
    good.mkdir(parents=True)
    (good / "link_downed").write_text("2\n")
    (base / "mlx5_0").mkdir()
    (base / "mlx5_0/ports").symlink_to("ports")  # leads to itself: ELOOP

    (_, outcome) = attach(Settings(sysfs=str(tmp_path)), {}).cycle()

    assert values(outcome, "mlx5_1") == {"link_downed_total": 2}
    assert outcome.state is State.FAILED
    assert "mlx5_0/ports" in outcome.problem


def test_ports_come_in_numeric_order(tmp_path: Path) -> None:
    for number_ in ("10", "2", "1"):
        (tmp_path / f"class/infiniband/mlx5_0/ports/{number_}").mkdir(parents=True)

    assert [p.number for p in ports(tmp_path).found] == ["1", "2", "10"]


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "1e3", "0x10", "²", str(2**64), "9" * 5000])
def test_what_is_no_counter_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="/there"):
        number(text, Path("/there"))


@pytest.mark.parametrize("text", ["", "ACTIVE", "4", ": ACTIVE", "x: ACTIVE"])
def test_what_is_no_state_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="/there"):
        leading_number(text, Path("/there"))


@pytest.mark.parametrize(
    "text", ["", "fast", "nan Gb/sec (4X)", "-1 Gb/sec", "inf Gb/sec", "400", "400 Mb/sec"]
)
def test_what_is_no_rate_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="/there"):
        bytes_per_second(text, Path("/there"))


def test_rates_are_bytes() -> None:
    assert bytes_per_second("400 Gb/sec (4X NDR)", Path()) == 50e9
    assert bytes_per_second("2.5 Gb/sec (1X SDR)", Path()) == 312.5e6


@settings(max_examples=200, deadline=None)
@given(st.text() | st.from_regex(r"-?\d+(\.\d+)?(: [A-Z]+| Gb/sec.*)?"))
def test_no_text_crashes_a_parser_or_gives_a_negative_number(text: str) -> None:
    for parser in (number, leading_number, bytes_per_second):
        with contextlib.suppress(ReadingError):
            assert 0 <= parser(text, Path("/there")) < math.inf


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sys")
    for name in FILES:
        path = root / "class/infiniband/mlx5_0/ports/1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("4: ACTIVE")
    return root


FILES = ("state", "phys_state", "rate", "link_layer", "gids/0", "counters/port_rcv_data")


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200), name=st.sampled_from(FILES))
def test_no_file_content_crashes_a_facility(tree: Path, content: bytes, name: str) -> None:
    (tree / "class/infiniband/mlx5_0/ports/1" / name).write_bytes(content)

    for facility in (port.FACILITY, counters.FACILITY):
        outcome = run(facility, ports(tree).found)

        assert (outcome.state is State.FAILED) == bool(outcome.problem)
        assert "Error:" not in outcome.problem  # the name of an exception nobody thought of


def test_a_huge_file_is_read_in_part_and_its_label_is_short(tree: Path) -> None:
    path = tree / "class/infiniband/mlx5_0/ports/1/link_layer"
    path.write_bytes(b"x" * 1_000_000)

    (info, *_) = run(port.FACILITY, ports(tree).found).samples

    assert len(files.read(path)) == 65536
    assert info.labels[3] == "x" * 128


def test_a_port_is_expected_once_it_was_seen_active() -> None:
    expected = Expected()

    assert not list(expected.samples())
    expected.learn(
        [Sample(RDMA_PORT_STATE, ("mlx5_0", "1"), 4), Sample(RDMA_PORT_STATE, ("mlx5_1", "1"), 1)]
    )
    expected.learn([Sample(RDMA_PORT_STATE, ("mlx5_0", "1"), 1)])

    assert [(s.metric.name, s.labels, s.value) for s in expected.samples()] == [
        ("railwatch_rdma_port_expected", ("mlx5_0", "1", "learned"), 1),
        ("railwatch_rdma_ports_expected", ("learned",), 1),
    ]
