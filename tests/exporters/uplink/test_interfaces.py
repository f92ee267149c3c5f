"""Interfaces of a line, and those that pods hang on to."""

import errno
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from exporters.facility import State
from exporters.uplink import interfaces, pods
from exporters.uplink.links import decode, read_links
from exporters.uplink.pod_names import PodNames
from exporters.uplink.pods import Pods
from exporters.uplink.rtnetlink import Rtnetlink
from testbed import rtnetlink as bed
from testbed.namespaces import Namespace
from testbed.waiting import wait_until
from tests.exporters.uplink.lines import in_namespaces, told, values, view

UID = "0b8e7f5e-5d0f-4f0e-9c6c-111111111111"
OTHER = "0b8e7f5e-5d0f-4f0e-9c6c-222222222222"


def kernel(*names: str) -> bed.SimulatedRtnetlink:
    return bed.SimulatedRtnetlink(links=[bed.link(n, name) for n, name in enumerate(names, 1)])


def test_chosen_interfaces_tell_all_their_counts(tmp_path: Path) -> None:
    shown = view(tmp_path, kernel("lo", "ens1"), {"name": "dc", "interfaces": ["ens*", "bond0"]})

    found = values(told(interfaces.FACILITY, shown))

    assert found == {
        "interfaces": 1,
        "omitted/interfaces": 0,
        "interface_up/ens1": 1,
        "receive_packets_total/ens1": 1002,
        "transmit_packets_total/ens1": 2002,
        "receive_bytes_total/ens1": 3002,
        "transmit_bytes_total/ens1": 4002,
        "receive_errors_total/ens1": 5002,
        "transmit_errors_total/ens1": 6002,
        "receive_drops_total/ens1": 7002 + 16002,
        "transmit_drops_total/ens1": 8002,
    }


def test_an_interface_is_up_down_or_does_not_say(tmp_path: Path) -> None:
    simulated = bed.SimulatedRtnetlink(
        links=[bed.link(1, "e0", state=6), bed.link(2, "e1", state=2), bed.link(3, "e2", state=0)]
    )
    shown = view(tmp_path, simulated, {"name": "dc", "interfaces": ["e*"]})

    found = values(told(interfaces.FACILITY, shown))

    assert {k: v for k, v in found.items() if "_up" in k} == {
        "interface_up/e0": 1,
        "interface_up/e1": 0,
    }


def test_a_pattern_that_names_too_many_is_cut_and_says_so(tmp_path: Path) -> None:
    shown = view(
        tmp_path,
        kernel(*(f"e{n:03}" for n in range(300))),
        {"name": "dc", "interfaces": ["e*"], "pod_interfaces": ["e*"]},
    )
    names = PodNames(str(tmp_path), str(tmp_path), shown.kernel)

    chosen = values(told(interfaces.FACILITY, shown))
    of_pods = values(told(pods.FACILITY, Pods(shown, names)))

    assert (chosen["interfaces"], chosen["omitted/interfaces"]) == (300, 300 - interfaces.MOST)
    assert of_pods["omitted/pod_interfaces"] == 300 - pods.MOST
    assert len([name for name in of_pods if name.startswith("pod_receive_bytes")]) == pods.MOST


def test_one_question_serves_a_cycle_and_the_next_asks_anew(tmp_path: Path) -> None:
    simulated = kernel("e0")
    shown = view(tmp_path, simulated, {"name": "dc", "interfaces": ["e0"]})

    for _ in range(2):
        shown.begin()
        told(interfaces.FACILITY, shown)
        told(interfaces.FACILITY, shown)

    assert simulated.asked == [bed.GET_LINK, bed.GET_LINK]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "0 bytes, not 16"),
        (bytes(16), "without name or statistics"),
        (bytes(16) + struct.pack("=HH", 100, 3), "an attribute of 100 bytes in 4"),
    ],
)
def test_a_message_that_makes_no_sense_is_refused(body: bytes, said: str, tmp_path: Path) -> None:
    shown = view(
        tmp_path, bed.SimulatedRtnetlink(links=[body]), {"name": "dc", "interfaces": ["e0"]}
    )

    outcome = told(interfaces.FACILITY, shown)

    assert outcome.state is State.FAILED
    assert said in outcome.problem


def test_a_socket_that_says_nothing_is_a_failure(tmp_path: Path) -> None:
    simulated = kernel("e0")
    simulated.spoil = lambda _answer: b""
    shown = view(tmp_path, simulated, {"name": "dc", "interfaces": ["e0"]})

    assert told(interfaces.FACILITY, shown).problem == "rtnetlink: interfaces: an empty answer"


def digits() -> str:
    """Return how Calico would name the interface of the pod train/worker-0, by another's SHA-1."""
    done = subprocess.run(["sha1sum"], input=b"train.worker-0", capture_output=True, check=True)
    return done.stdout[:11].decode()


def logs(folder: Path, *entries: str) -> Path:
    """Make a kubelet's log directory with these pods."""
    for entry in entries:
        (folder / "pods" / entry).mkdir(parents=True)
    return folder


def test_an_interface_with_a_pods_hash_in_its_name_is_that_pods(tmp_path: Path) -> None:
    calico, aws = f"cali{digits()}", f"eni{digits()}"
    shown = view(
        tmp_path,
        kernel(calico, aws, "cali0000"),
        {"name": "dc", "pod_interfaces": ["cali*", "eni*"]},
    )
    names = PodNames(str(logs(tmp_path, f"train_worker-0_{UID}")), str(tmp_path), shown.kernel)

    found = values(told(pods.FACILITY, Pods(shown, names)))

    # What the host's end receives, the pod has sent.
    assert found[f"pod_transmit_bytes_total/{calico}/train/worker-0"] == 3001
    assert found[f"pod_receive_bytes_total/{calico}/train/worker-0"] == 4001
    assert found[f"pod_receive_drops_total/{calico}/train/worker-0"] == 8001
    assert found[f"pod_transmit_packets_total/{aws}/train/worker-0"] == 1002
    assert found["pod_transmit_bytes_total/cali0000//"] == 3003


def test_a_pod_that_comes_later_is_found(tmp_path: Path) -> None:
    interface = f"cali{digits()}"
    shown = view(tmp_path, kernel(interface), {"name": "dc", "pod_interfaces": ["cali*"]})
    names = PodNames(str(logs(tmp_path, f"train_other_{OTHER}")), str(tmp_path), shown.kernel)

    before = values(told(pods.FACILITY, Pods(shown, names)))
    logs(tmp_path, f"train_worker-0_{UID}")
    os.utime(tmp_path / "pods", (1, 1))  # a clock may not have ticked since
    after = values(told(pods.FACILITY, Pods(shown, names)))

    assert f"pod_receive_bytes_total/{interface}//" in before
    assert f"pod_receive_bytes_total/{interface}/train/worker-0" in after


@contextmanager
def pod(host: Namespace, interface: str) -> Iterator[Namespace]:
    """Yield a pod's network namespace, with a veth pair to the host's."""
    with Namespace() as made:
        host.pair(interface, "eth0", made)
        yield made


def process(procfs: Path, pid: int, uid: str, namespace: Namespace) -> None:
    """Make a process that belongs to a pod and is in a network namespace."""
    folder = procfs / str(pid)
    (folder / "ns").mkdir(parents=True)
    (folder / "cgroup").write_text(
        f"0::/kubepods.slice/kubepods-pod{uid.replace('-', '_')}.slice\n"
    )
    (folder / "ns/net").symlink_to(namespace.path)


@in_namespaces
def test_any_other_veth_is_the_pods_whose_processes_are_at_its_far_end(tmp_path: Path) -> None:
    procfs = tmp_path / "proc"
    with ExitStack() as stack:
        host = stack.enter_context(Namespace())
        first, second, _ = (stack.enter_context(pod(host, f"veth{n}")) for n in range(3))
        process(procfs, 41, UID, first)
        process(procfs, 42, UID, first)
        process(procfs, 43, OTHER, second)
        (procfs / "44").mkdir()
        shown = host.inside(
            lambda: view(tmp_path, None, {"name": "dc", "pod_interfaces": ["veth*"]})
        )
        stack.callback(shown.kernel.close)
        where = logs(tmp_path, f"train_worker-0_{UID}", f"train_worker-1_{OTHER}")
        of = Pods(shown, PodNames(str(where), str(procfs), shown.kernel))

        found = values(told(pods.FACILITY, of))

        users = {name for name in found if name.startswith("pod_receive_bytes_total")}
        assert users == {
            "pod_receive_bytes_total/veth0/train/worker-0",
            "pod_receive_bytes_total/veth1/train/worker-1",
            "pod_receive_bytes_total/veth2//",
        }


@in_namespaces
def test_the_kernels_own_counts_are_those_of_its_file() -> None:
    def talk() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(9):
                sender.sendto(bytes(500), ("127.0.0.1", 9))

    with Namespace() as made:
        made.pair("up0", "far0")
        made.inside(talk)

        with closing(made.inside(Rtnetlink)) as kernel:

            def same() -> bool:
                """Look at both, until all that was sent has come."""
                found = {link.name: link for link in read_links(kernel)}
                lines = made.inside(Path("/proc/thread-self/net/dev").read_text).splitlines()
                (lo,) = (line.split() for line in lines if line.lstrip().startswith("lo:"))
                assert set(found) == {"lo", "up0", "far0"}
                counted = found["lo"].receive_bytes, found["lo"].receive_packets
                told = int(lo[1]), int(lo[2])
                return counted == told and told[0] > 9 * 500 and found["up0"].up is True

            wait_until(same, what="the same numbers")


def test_a_link_to_another_namespace_has_its_number() -> None:
    assert decode(bed.link(3, "veth0", netns=5)).netns == 5
    assert decode(bed.link(3, "veth0")).netns is None


def test_who_may_not_ask_is_told_so(tmp_path: Path) -> None:
    simulated = kernel("e0")
    simulated.errors = {bed.GET_LINK: errno.EACCES}
    shown = view(tmp_path, simulated, {"name": "dc", "interfaces": ["e0"]})

    outcome = told(interfaces.FACILITY, shown)

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert outcome.problem == "rtnetlink: interfaces: Permission denied"
