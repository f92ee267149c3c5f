"""Real LLDP frames between the ends of a veth pair, heard by a worker."""

import errno
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporters.facility import State
from exporters.topology.lldp_frames import Listener
from testbed.lldp import SwitchPort, json0, payload
from testbed.sysfs.pci import ETHERNET, PciBus
from tests.exporters.topology.nodes import outcomes
from tests.packages import needs

pytestmark = pytest.mark.netns

ROOT = Path(__file__).parents[3]

SCRIPT = """
import json, socket, sys, time
from exporters.settings import Settings
from exporters.topology.worker import attach
from testbed.lldp import SwitchPort, frame
from testbed.waiting import wait_until

sysfs, procfs = sys.argv[1:]
worker = attach(
    Settings(sysfs=sysfs, procfs=procfs, lldp_listen=True, lldp_silence=0.2), {}
)

def wire(name):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    end.bind((name, 0))
    return end

def look():
    told = {}
    for outcome in worker.cycle():
        told[outcome.facility] = {
            "state": outcome.state,
            "samples": [(s.metric.name.removeprefix("railwatch_rdma_"), *s.labels, s.value)
                        for s in outcome.samples],
        }
    return told

def until(what, holds):
    def check():
        told = look()
        return told if holds(told["neighbors"]["samples"]) else None
    return wait_until(check, what=what)

def systems(samples):
    return [sample[2] for sample in samples if sample[0] == "lldp_neighbor_info"]

told = {"first": look()}
switch, own = wire("rw-b"), wire("rw-a")
own.send(frame(SwitchPort(system="myself")))
switch.send(b"\\xff" * 12 + b"\\x08\\x00" + b"noise" * 20)
switch.send(frame(SwitchPort(system="leaf-07")))
told["heard"] = until("leaf-07", lambda samples: "leaf-07" in systems(samples))
told["silent"] = until("silence", lambda samples: ("lldp_silent", "rw-c", 1.0) in samples)
switch.send(frame(SwitchPort(system="leaf-07", lifetime=0)))
told["left"] = until("nobody", lambda samples: not systems(samples))
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Yield what a worker said of a RoCE NIC at one end of a veth pair, and of a silent one."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    bus = PciBus(tmp_path_factory.mktemp("node"))
    for slot, name in ((1, "rw-a"), (2, "rw-c")):
        switch = ("pci0000:10", "0000:10:01.0", "0000:11:00.0", f"0000:12:{slot:02x}.0")
        bus.nic(
            *switch, f"0000:{0x12 + slot:02x}:00.0",
            device=f"mlx5_{slot}", netdev=name, link_layer=ETHERNET,
        )  # fmt: skip
    bus.gpu("pci0000:10", "0000:10:01.0", "0000:11:00.0", "0000:12:08.0", "0000:20:00.0")
    space = f"rw-{uuid.uuid4().hex[:8]}"
    inside = ("ip", "netns", "exec", space)
    subprocess.run(["ip", "netns", "add", space], check=True)
    try:
        for one, other in (("rw-a", "rw-b"), ("rw-c", "rw-d")):
            add = ("ip", "link", "add", one, "type", "veth", "peer", "name", other)
            subprocess.run([*inside, *add], check=True)
            for end in (one, other):
                subprocess.run([*inside, "ip", "link", "set", end, "up"], check=True)
        done = subprocess.run(
            [*inside, sys.executable, "-c", SCRIPT, str(bus.sysfs), str(bus.procfs)],
            cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)
    finally:
        subprocess.run(["ip", "netns", "del", space], check=True)


@needs("iproute2")
def test_a_switchs_frame_names_the_leaf(told: dict[str, Any]) -> None:
    mac = SwitchPort().mac

    assert ["lldp_neighbor_info", "rw-a", "leaf-07", mac, "Ethernet1/7", 1] in (
        told["heard"]["neighbors"]["samples"]
    )
    assert ["topology_info", "mlx5_1", "1", "0", "leaf-07", "compute", 1] in (
        told["heard"]["places"]["samples"]
    )


@needs("iproute2")
def test_nothing_is_heard_before_anything_was_sent(told: dict[str, Any]) -> None:
    assert told["first"]["neighbors"]["state"] == "ok"
    assert {one[0] for one in told["first"]["neighbors"]["samples"]} == {"lldp_silent"}


@needs("iproute2")
def test_ones_own_frames_and_other_traffic_are_no_neighbours(told: dict[str, Any]) -> None:
    assert "myself" not in json.dumps(told)


@needs("iproute2")
def test_a_wire_on_which_nothing_comes_is_silent(told: dict[str, Any]) -> None:
    assert ["lldp_silent", "rw-c", 1.0] in told["silent"]["neighbors"]["samples"]


@needs("iproute2")
def test_a_switch_that_takes_its_leave_is_forgotten(told: dict[str, Any]) -> None:
    assert "leaf-07" not in json.dumps(told["left"])


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def listener(clock: Clock) -> Iterator[Listener]:
    if os.geteuid() != 0:
        pytest.skip("packet sockets need root")
    made = Listener(60, clock)
    yield made
    made.close()


def test_a_neighbour_is_forgotten_once_its_time_is_over(listener: Listener, clock: Clock) -> None:
    listener.listen(["nowhere0"])
    listener.take("nowhere0", payload(SwitchPort(lifetime=120)), clock.now)

    clock.now += 119
    listener.listen(["nowhere0"])
    before = listener.neighbors
    clock.now += 2
    listener.listen(["nowhere0"])

    assert list(before) == ["nowhere0"]
    assert listener.neighbors == {}


def test_silence_counts_from_the_link_or_the_last_frame(listener: Listener, clock: Clock) -> None:
    listener.listen(["nowhere0"])
    clock.now += 59
    listener.take("nowhere0", payload(SwitchPort()), clock.now)
    clock.now += 59
    listener.listen(["nowhere0"])
    quiet = listener.silent()
    clock.now += 1
    listener.listen(["nowhere0"])
    too_long = listener.silent()
    listener.listen([])
    down = listener.silent()
    listener.listen(["nowhere0"])

    assert (quiet, too_long, down) == ({"nowhere0": False}, {"nowhere0": True}, {})
    assert listener.silent() == {"nowhere0": False}


def test_without_the_right_to_listen_only_the_neighbours_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> socket.socket:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    bus = PciBus.rails(tmp_path / "node", 2)
    file = tmp_path / "lldp.json"
    file.write_text(json0({"eth0": [SwitchPort()]}))
    monkeypatch.setattr("exporters.topology.lldp_frames.socket.socket", refuse)

    found = outcomes(bus, lldp_listen=True, lldp_file=str(file))

    assert found["neighbors"].state is State.FAILED
    assert "CAP_NET_RAW" in found["neighbors"].problem
    assert len(found["neighbors"].samples) == 1, "the file's neighbour is told all the same"
    assert found["places"].state is State.OK
