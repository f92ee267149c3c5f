"""NETLINK_RDMA, asked of a simulated kernel byte for byte, and of this one."""

import errno
import gc
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.rdma_netlink import METRICS
from exporters import exposition
from exporters.errors import Absent, NoDriver, Unreadable
from exporters.exposition import Writer
from exporters.facility import State
from exporters.rdma import nldev_resources
from exporters.rdma.netlink import Netlink, decode, question
from exporters.rdma.nldev import Attribute, Command
from exporters.rdma.nldev_device import devices
from exporters.rdma.nldev_worker import attach
from exporters.settings import Settings
from testbed.nldev import (
    HEADER,
    Device,
    QueuePair,
    SimulatedNldev,
    message,
    table,
    text,
    u8,
    u32,
)
from testbed.sysfs import SimulatedSysfs
from testbed.tools import ensure
from tests.exporters.rdma.nldev import NAMES, POD, full, procfs, read, values


def test_a_question_is_what_the_kernel_expects() -> None:
    asked = question(Command.PORT_GET, 0x305, 7, {Attribute.DEV_INDEX: 3})

    assert asked == HEADER.pack(24, (5 << 10) + 5, 0x305, 7, 0) + struct.pack("=HHI", 8, 1, 3)


def test_ports_are_told_with_protocol_and_network_interface(tmp_path: Path) -> None:
    links = read(full(), procfs(tmp_path))["links"]

    assert links.state is State.OK
    assert values(links) == {
        ("link_info", "mlx5_0", "1", "", "ib"): 1,
        ("link_info", "mlx5_bond_0", "1", "bond0", "roce"): 1,
    }


def test_exclusive_network_namespaces_are_told(tmp_path: Path) -> None:
    kernel = SimulatedNldev(Device(index=0, name="a"), shared=False)

    assert values(read(kernel, procfs(tmp_path))["namespaces"]) == {("netns_exclusive",): 1}


def test_resources_are_summed_and_queue_pairs_are_told_by_state_and_pod(tmp_path: Path) -> None:
    resources = read(full(), procfs(tmp_path))["resources"]

    found = values(resources)
    assert resources.state is State.OK, resources.problem
    assert found["resources", "mlx5_0", "mr"] == 70_000
    assert found["resources_limit", "mlx5_0", "qp"] == 131_072
    assert found["queue_pairs", "mlx5_0", "rts"] == 201
    assert found["queue_pairs", "mlx5_0", "err"] == 2
    assert found["queue_pairs", "mlx5_0", "init"] == 0
    assert found["pod_queue_pairs", "mlx5_0", "ml", "train-0", POD] == 200
    assert found["pod_queue_pairs", "mlx5_0", "", "", ""] == 1, (
        "one in no pod; one whose process ended"
    )
    assert found["queue_pairs_unread", "mlx5_0"] == 0
    assert sum(key[:2] == ("queue_pairs", "mlx5_bond_0") for key in found) == 7
    assert not [key for key in found if key[0] == "pod_queue_pairs" and key[1] == "mlx5_bond_0"]


def test_too_many_queue_pairs_are_left_alone(tmp_path: Path) -> None:
    many = nldev_resources.MOST_QUEUE_PAIRS + 1
    kernel = SimulatedNldev(Device(index=0, name="a", summary={"qp": many}))

    found = values(read(kernel, procfs(tmp_path))["resources"])

    assert found["queue_pairs_unread", "a"] == 1
    assert found["resources", "a", "qp"] == many
    assert not [key for key in found if key[0] == "queue_pairs"]
    assert Command.RES_QP_GET not in kernel.asked


def test_a_pid_namespace_of_ones_own_is_no_place_to_count(tmp_path: Path) -> None:
    outcomes = read(full(), procfs(tmp_path, namespace="pid:[4026532999]"))

    assert outcomes["resources"].state is State.FAILED
    assert "hostPID" in outcomes["resources"].problem
    assert not outcomes["resources"].samples
    assert outcomes["links"].state is State.OK


def test_optional_counters_are_told_and_those_that_are_on_counted(tmp_path: Path) -> None:
    counters = read(full(), procfs(tmp_path))["counters"]

    assert values(counters) == {
        ("optional_counters", "mlx5_0", "1", "on"): 1,
        ("optional_counters", "mlx5_0", "1", "off"): 1,
        ("optional_statistic_total", "mlx5_0", "1", "cc_rx_cnp_pkts"): 77,
        ("bound_counters", "mlx5_0", "1", "auto"): 2,
        ("bound_counters", "mlx5_0", "1", "manual"): 1,
        ("bound_queue_pairs", "mlx5_0", "1", "auto"): 4,
        ("bound_queue_pairs", "mlx5_0", "1", "manual"): 1,
    }


def test_an_older_kernel_costs_what_it_does_not_know(tmp_path: Path) -> None:
    kernel = full()
    kernel.knows = Command.PORT_GET

    outcomes = read(kernel, procfs(tmp_path))

    assert outcomes["links"].state is State.OK
    assert outcomes["resources"].state is State.ABSENT
    assert outcomes["counters"].state is State.ABSENT


def test_a_device_that_vanishes_while_it_is_read_costs_only_itself(tmp_path: Path) -> None:
    kernel = full()
    found = devices(Netlink(kernel.connect), procfs(tmp_path), NAMES)

    del kernel.devices[3]

    assert [device.name for device in found] == ["mlx5_0", "mlx5_bond_0"]
    with pytest.raises(Absent):
        list(found[0].kernel.dump(Command.PORT_GET, found[0].only))
    assert list(found[1].kernel.dump(Command.PORT_GET, found[1].only))


def test_an_error_other_than_not_knowing_is_a_failure() -> None:
    kernel = full()
    kernel.spoil = lambda _: message(2, 1, struct.pack("=i", -errno.EPERM))

    with pytest.raises(Unreadable, match="GET: Operation not permitted"):
        devices(Netlink(kernel.connect), "/proc", NAMES)


def test_answers_to_another_question_are_passed_over() -> None:
    kernel = full()
    stale = message(3, 4242, struct.pack("=i", 0))
    kernel.spoil = lambda answer: stale + answer

    assert len(devices(Netlink(kernel.connect), "/proc", NAMES)) == 2


def test_a_dump_of_many_messages_is_put_together(tmp_path: Path) -> None:
    pairs = [QueuePair(number=number, state=number % 7) for number in range(1400)]
    kernel = SimulatedNldev(Device(index=0, name="a", summary={"qp": 1400}, queue_pairs=pairs))

    found = values(read(kernel, procfs(tmp_path))["resources"])

    assert {found["queue_pairs", "a", state] for state in ("reset", "rtr", "err")} == {200}


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (struct.pack("=HH", 400, 2), "cannot be decoded"),
        (u8(1, 3), "DEV_INDEX of 5 bytes"),
        (table(15, struct.pack("=HH", 64, 16) + b"x" * 8), "goes beyond|cannot be decoded"),
        (table(15, struct.pack("=HH", 2, 16)), "goes beyond"),
        (table(15, struct.pack("=HH", 12, 16)) + text(2, "a"), "goes beyond"),
    ],
    ids=["text too long", "number too short", "table too long", "no length", "into the next"],
)
def test_what_cannot_be_decoded_is_said(body: bytes, what: str) -> None:
    with pytest.raises(Unreadable, match=what):
        decode(message((5 << 10) + 1, 1, body))


def test_tables_within_tables_without_end_are_refused() -> None:
    body = b""
    for _ in range(1000):
        body = table(19, table(20, body))

    with pytest.raises(Unreadable):
        decode(message((5 << 10) + 1, 1, body))


def test_a_name_of_garbage_becomes_a_printable_label() -> None:
    kernel = SimulatedNldev(Device(index=0, name="a"))
    kernel.devices[0] = Device(index=0, name="a\x1b[2J" + "x" * 300)

    (found,) = devices(Netlink(kernel.connect), "/proc", NAMES)

    assert found.name.isprintable()
    assert len(found.name) == 64


def test_no_name_is_no_device() -> None:
    kernel = SimulatedNldev()
    kernel.spoil = lambda _: message((5 << 10) + 1, 1, u32(1, 1)) + message(3, 1, b"\0" * 4)

    with pytest.raises(Unreadable, match="without DEV_NAME"):
        devices(Netlink(kernel.connect), "/proc", NAMES)


def test_where_sysfs_knows_no_rdma_the_kernel_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(NoDriver, match="no RDMA"):
        attach(Settings(sysfs=str(tmp_path)), {})


def test_this_kernel_is_asked_or_says_that_it_cannot_be() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        asked = Settings(sysfs=str(sysfs.path))
        if not _kernel_has_it():
            with pytest.raises(NoDriver, match="NETLINK_RDMA: Protocol not supported"):
                attach(asked, {})
            return
        states = {outcome.facility: outcome.state for outcome in attach(asked, {}).cycle()}

    assert states["links"] in (State.OK, State.ABSENT)


def _kernel_has_it() -> bool:
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 20).close()
    except OSError:
        return False
    return True


def test_the_program_itself_never_imports_the_library() -> None:
    code = "import sys, exporters.daemon, exporters.rdma.nldev_worker; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "exporters.rdma.nldev" in said.stdout.split()
    assert "pyroute2" not in said.stdout.split()


def test_a_text_ends_where_its_zero_is() -> None:
    decoded = decode(message((5 << 10) + 1, 1, text(2, "mlx5_0")))

    assert decoded.texts[Attribute.DEV_NAME] == "mlx5_0"


def test_what_was_decoded_is_let_go_of_without_a_garbage_collector() -> None:
    def left() -> int:
        return sum(type(one).__module__ == "exporters.rdma.netlink" for one in gc.get_objects())

    body = table(19, *(table(20, u32(21, number), u8(27, 3)) for number in range(100)))
    gc.collect()
    gc.disable()
    try:
        before = left()
        decoded = decode(message((5 << 10) + 10, 1, body))
        after = left()
    finally:
        gc.enable()

    assert len(decoded.entries(Attribute.RES_QP, Attribute.RES_QP_ENTRY)) == 100
    assert after == before


def test_each_metric_is_told_in_few_series_and_promtool_finds_no_fault(tmp_path: Path) -> None:
    outcomes = read(full(), procfs(tmp_path)).values()
    samples = [sample for outcome in outcomes for sample in outcome.samples]

    assert {sample.metric for sample in samples} == set(METRICS)
    assert len([s for s in samples if "mlx5_0" in s.labels]) <= 30
    lines = Writer(METRICS).write(samples)
    assert not lines.duplicates
    promtool = str(ensure("promtool")["promtool"])
    text = exposition.text(lines).encode()
    assert subprocess.run([promtool, "check", "metrics"], input=text, check=False).returncode == 0


def test_a_device_whose_answer_is_damaged_costs_no_other(tmp_path: Path) -> None:
    pairs = [QueuePair(number=number) for number in range(300)]
    kernel = SimulatedNldev(
        Device(index=0, name="a", summary={"qp": 300}, queue_pairs=pairs),
        Device(index=1, name="b", summary={"qp": 300}, queue_pairs=pairs),
    )

    def damage(answer: bytes) -> bytes:
        damaged = kernel.asked[-1] == Command.RES_QP_GET and kernel.asked.count(10) == 1
        return answer[:20] if damaged else answer

    kernel.spoil = damage
    resources = read(kernel, procfs(tmp_path))["resources"]

    found = values(resources)
    assert resources.state is State.FAILED
    assert ("queue_pairs", "a", "rts") not in found
    assert found["queue_pairs", "b", "rts"] == 300
