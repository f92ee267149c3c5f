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
from exporters.expected import Devices
from exporters.expected import Expected as Declaration
from exporters.facility import Facility, Outcome, State
from exporters.rdma import counters, port, statistics
from exporters.rdma.inventory import Expected
from exporters.rdma.sysfs import (
    Port,
    Rate,
    count,
    device_folder,
    devices,
    leading_number,
    number,
    ports,
    rate,
)
from exporters.rdma.worker import attach
from exporters.runtime import run
from exporters.sample import Sample
from exporters.settings import Settings
from testbed.sysfs import SimulatedSysfs
from tests.budget import examples
from tests.exporters.samples import at

CAPTURE = Path(__file__).parents[2] / "fixtures/sysfs-h100"


def values(outcome: Outcome, of: str = "mlx5_0") -> dict[str, float]:
    return {
        s.metric.name.removeprefix("railwatch_rdma_port_"): s.value
        for s in outcome.samples
        if s.labels[0] == of
    }


def every_port(sysfs: Path) -> list[Port]:
    return [port for name in devices(sysfs) for port in ports(device_folder(sysfs, name))]


def read(sysfs: SimulatedSysfs, facility: Facility[Port]) -> Outcome:
    return run(facility, every_port(sysfs.path))


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
            "lanes": 4,
        }
        assert values(counted) == {
            "receive_bytes_total": 4000,
            "transmit_bytes_total": 0,
            "link_downed_total": 3,
            "carrier_down_total": 1,
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
        assert set(values(outcome)) == {
            "transmit_bytes_total",
            "link_downed_total",
            "carrier_down_total",
        }
        assert len(values(outcome, "mlx5_1")) == 4


def test_a_port_without_a_counter_has_no_series_and_nothing_is_wrong() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        folder = sysfs.path / "class/infiniband/mlx5_0/ports/1/counters"
        (folder / "link_downed").unlink()
        (folder / "port_rcv_data").write_text("N/A (no PMA)\n")

        outcome = read(sysfs, counters.FACILITY)

        assert outcome.state is State.OK
        assert set(values(outcome)) == {"transmit_bytes_total", "carrier_down_total"}


def test_a_device_that_vanishes_between_listing_and_reading_is_no_failure() -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        listed = every_port(sysfs.path)
        sysfs.remove("mlx5_0")

        outcome = run(counters.FACILITY, listed)

        assert outcome.state is State.OK
        assert not values(outcome)
        assert len(values(outcome, "mlx5_1")) == 4


def test_no_rdma_at_all_is_absent(tmp_path: Path) -> None:
    outcome = run(port.FACILITY, every_port(tmp_path))

    assert outcome.state is State.ABSENT


def test_a_device_that_cannot_be_listed_hides_no_other_and_is_told(tmp_path: Path) -> None:
    base = tmp_path / "class/infiniband"
    good = base / "mlx5_1/ports/1/counters"
    good.mkdir(parents=True)
    (good / "link_downed").write_text("2\n")
    (base / "mlx5_0").mkdir()
    (base / "mlx5_0/ports").symlink_to("ports")  # leads to itself: ELOOP

    cycle = [
        o for o in attach(Settings(sysfs=str(tmp_path)), {}).cycle() if o.facility == "counters"
    ]

    damaged, well = cycle
    assert values(well, "mlx5_1") == {"link_downed_total": 2}
    assert well.state is State.OK
    assert damaged.state is State.FAILED
    assert "mlx5_0/ports" in damaged.problem


def test_ports_come_in_numeric_order(tmp_path: Path) -> None:
    for number_ in ("10", "2", "1"):
        (tmp_path / f"class/infiniband/mlx5_0/ports/{number_}").mkdir(parents=True)

    assert [p.number for p in every_port(tmp_path)] == ["1", "2", "10"]


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "1e3", "0x10", "²", str(2**64), "9" * 5000])
def test_what_is_no_counter_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="/there"):
        number(text, "/there")


@pytest.mark.parametrize("text", ["", "ACTIVE", "4", ": ACTIVE", "x: ACTIVE"])
def test_what_is_no_state_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="/there"):
        leading_number(text, "/there")


@pytest.mark.parametrize(
    "text", ["", "fast", "nan Gb/sec (4X)", "-1 Gb/sec", "inf Gb/sec", "400", "400 Mb/sec"]
)
def test_what_is_no_rate_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="/there"):
        rate(text, "/there")


def test_rates_are_bytes() -> None:
    assert rate("400 Gb/sec (4X NDR)", "") == Rate(bytes_per_second=50e9, lanes=4)
    assert rate("2.5 Gb/sec (1X SDR)", "") == Rate(bytes_per_second=312.5e6, lanes=1)
    assert rate("100 Gb/sec", "") == Rate(bytes_per_second=12.5e9, lanes=0)


@settings(max_examples=examples(600), deadline=None)
@given(st.text() | st.from_regex(r"-?\d+(\.\d+)?(: [A-Z]+| Gb/sec.*)?"))
def test_no_text_crashes_a_parser_or_gives_a_negative_number(text: str) -> None:
    for parser in (number, count, leading_number):
        with contextlib.suppress(ReadingError):
            assert 0 <= parser(text, "/there") < math.inf
    with contextlib.suppress(ReadingError):
        assert 0 <= rate(text, "/there").bytes_per_second < math.inf


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sys")
    for name in FILES:
        path = root / "class/infiniband/mlx5_0/ports/1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("4: ACTIVE")
    return root


FILES = (
    "state",
    "phys_state",
    "rate",
    "link_layer",
    "gids/0",
    "gid_attrs/ndevs/0",
    "counters/port_rcv_data",
    "counters/symbol_error",
    "hw_counters/lifespan",
    "hw_counters/np_cnp_sent",
    "hw_counters/of_tomorrow",
)


@settings(max_examples=examples(100), deadline=None)
@given(content=st.binary(max_size=200), name=st.sampled_from(FILES))
def test_no_file_content_crashes_a_facility(tree: Path, content: bytes, name: str) -> None:
    (tree / "class/infiniband/mlx5_0/ports/1" / name).write_bytes(content)

    for facility in (port.FACILITY, counters.FACILITY, statistics.FACILITY):
        outcome = run(facility, every_port(tree))

        assert (outcome.state is State.FAILED) == bool(outcome.problem)
        assert "Error:" not in outcome.problem  # the name of an exception nobody thought of


def test_a_huge_file_is_read_in_part_and_its_label_is_short(tree: Path) -> None:
    path = tree / "class/infiniband/mlx5_0/ports/1/link_layer"
    path.write_bytes(b"x" * 1_000_000)

    (info, *_) = run(port.FACILITY, every_port(tree)).samples

    assert len(files.read(path)) == 65536
    assert info.labels[3] == "x" * 128


def test_a_port_is_expected_once_it_was_seen_active_and_as_fast_as_it_was_then() -> None:
    expected = Expected()
    active, down = ("mlx5_0", "1"), ("mlx5_1", "1")

    assert not list(expected.samples())
    expected.learn(
        [
            Sample(RDMA_PORT_STATE, active, 4),
            Sample(RDMA_PORT_RATE, active, 50e9),
            Sample(RDMA_PORT_STATE, down, 1),
            Sample(RDMA_PORT_RATE, down, 1.25e9),
        ],
        at(0),
    )
    expected.learn(
        [Sample(RDMA_PORT_STATE, active, 4), Sample(RDMA_PORT_RATE, active, 25e9)], at(1)
    )
    expected.learn(
        [Sample(RDMA_PORT_STATE, active, 1), Sample(RDMA_PORT_RATE, active, 99e9)], at(2)
    )

    assert [(s.metric.name, s.labels, s.value) for s in expected.samples()] == [
        ("railwatch_rdma_port_expected", ("mlx5_0", "1", "learned"), 1),
        (
            "railwatch_rdma_port_expected_rate_bytes_per_second",
            ("mlx5_0", "1", "learned"),
            50e9,
        ),
        ("railwatch_rdma_ports_expected", ("learned",), 1),
    ]


def expectation(names: tuple[str, ...] = (), count: int = 2) -> Expected:
    ports = Devices(count=count, names=names)
    expected = Expected(lambda: Declaration(source="file", rdma_ports=ports))
    expected.learn([Sample(RDMA_PORT_STATE, ("mlx5_7", "1"), 4)], at(0))
    return expected


def test_ports_that_are_declared_by_name_are_expected_and_no_others() -> None:
    expected = expectation(("mlx5_0/1", "mlx5_1/1"))

    assert [(s.labels, s.value) for s in expected.samples(elsewhere=["mlx5_1"])] == [
        (("mlx5_0", "1", "file"), 1),
        (("file",), 1),
    ]


def test_of_ports_declared_by_number_those_are_expected_that_were_seen() -> None:
    assert [(s.labels, s.value) for s in expectation().samples()] == [
        (("mlx5_7", "1", "file"), 1),
        (("file",), 2),
    ]


def test_a_declaration_that_says_nothing_of_ports_declares_none() -> None:
    expected = Expected(lambda: Declaration(source="file", gpus=Devices(count=8)))

    assert not list(expected.samples())


def test_a_virtual_function_is_told_from_a_physical_one() -> None:
    with SimulatedSysfs(ports=2) as sysfs:
        (sysfs.path / "class/infiniband/mlx5_1/device/physfn").symlink_to("../0000:18:00.0")

        infos = [s for s in read(sysfs, port.FACILITY).samples if s.metric is RDMA_PORT_INFO]

        assert [info.labels[-1] for info in infos] == ["physical", "virtual"]


def test_the_carrier_count_goes_on_where_the_ports_own_count_stays() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        sysfs.set_counter("mlx5_0", 1, "link_downed", 255)
        for _ in range(2):
            sysfs.set_state("mlx5_0", 1, "DOWN")
            sysfs.set_state("mlx5_0", 1, "ACTIVE")

        found = values(read(sysfs, counters.FACILITY))

        assert found["link_downed_total"] == 255
        assert found["carrier_down_total"] == 3
        assert found["railwatch_rdma_counter_saturated"] == 1


def test_the_carrier_of_a_bond_is_that_of_the_bond() -> None:
    with SimulatedSysfs(ports=1, link_layer="Ethernet") as sysfs:
        sysfs.write("class/infiniband/mlx5_0/ports/1/gid_attrs/ndevs/0", "bond0")
        sysfs.write("class/net/bond0/carrier_down_count", "300")
        member = sysfs.path / "class/infiniband/mlx5_0/device/net"
        (sysfs.path / "class/net/bond0/lower_a").symlink_to(next(member.iterdir()).resolve())

        assert values(read(sysfs, counters.FACILITY))["carrier_down_total"] == 300


def test_an_interface_of_the_same_name_that_is_anothers_is_not_the_ports() -> None:
    with SimulatedSysfs(ports=1, link_layer="Ethernet") as sysfs:
        moved = next((sysfs.path / "class/infiniband/mlx5_0/device/net").iterdir()).name
        (sysfs.path / "class/net" / moved).unlink()
        sysfs.write(f"class/net/{moved}/carrier_down_count", "7")

        assert "carrier_down_total" not in values(read(sysfs, counters.FACILITY))


def test_a_device_without_a_bus_is_taken_at_its_word() -> None:
    with SimulatedSysfs(ports=1, link_layer="Ethernet") as sysfs:
        (sysfs.path / "class/infiniband/mlx5_0/device").unlink()
        sysfs.write("class/infiniband/mlx5_0/ports/1/gid_attrs/ndevs/0", "eth7")
        sysfs.write("class/net/eth7/carrier_down_count", "7")

        assert values(read(sysfs, counters.FACILITY))["carrier_down_total"] == 7
