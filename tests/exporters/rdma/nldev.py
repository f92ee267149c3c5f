"""RDMA devices as NETLINK_RDMA tells them, read as a worker does."""

from pathlib import Path

from exporters.allocation.pod_logs import Names, User
from exporters.facility import Facility, Outcome
from exporters.rdma import nldev_counters, nldev_links, nldev_resources
from exporters.rdma.netlink import Netlink
from exporters.rdma.nldev_device import Device, devices
from exporters.runtime import run
from testbed import nldev as simulated
from testbed.nldev import BoundCounter, QueuePair, SimulatedNldev

FACILITIES: tuple[Facility[Device], ...] = (
    nldev_links.NAMESPACES,
    nldev_links.FACILITY,
    nldev_resources.FACILITY,
    nldev_counters.FACILITY,
)
POD = "5d0bb2ff-6a3c-4f3b-9c1e-0d5c7b0f2a11"
NAMES = Names(pods={POD: User(namespace="ml", pod="train-0")})


def full(held: int = 200) -> SimulatedNldev:
    """Return a kernel with two devices, on one of which a pod holds so many queue pairs."""
    pairs = [
        QueuePair(number=1, state=3),
        *(QueuePair(number=number, state=3, pid=100) for number in range(2, 2 + held)),
        QueuePair(number=300, state=6, pid=101),
        QueuePair(number=301, state=6, pid=999),
    ]
    return SimulatedNldev(
        simulated.Device(
            index=3,
            name="mlx5_0",
            summary={"pd": 2, "cq": 5, "qp": held + 3, "cm_id": 0, "mr": 70_000},
            limits={"qp": 131_072},
            queue_pairs=pairs,
            counters={"out_of_buffer": 4, "cc_rx_cnp_pkts": 77},
            optional={"cc_rx_cnp_pkts": True, "cc_tx_cnp_pkts": False},
            bound=[
                BoundCounter(number=1, queue_pairs=(2, 3, 4)),
                BoundCounter(number=2, queue_pairs=(5,)),
                BoundCounter(number=3, mode=2, queue_pairs=(6,)),
            ],
        ),
        simulated.Device(
            index=4, name="mlx5_bond_0", protocol="roce", netdevs={1: "bond0"}, summary={"qp": 0}
        ),
    )


def procfs(at: Path, namespace: str = "pid:[4026531836]") -> str:
    """Make a /proc with two processes, one of them in a pod; return its path."""
    groups = {
        100: f"0::/kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice/cri-containerd-a.scope",
        101: "0::/system.slice/slurmd.service",
    }
    for pid, text in groups.items():
        (at / str(pid)).mkdir(parents=True)
        (at / str(pid) / "cgroup").write_text(text + "\n")
    (at / "self/ns").mkdir(parents=True)
    (at / "self/ns/pid").symlink_to(namespace)
    return str(at)


def read(kernel: SimulatedNldev, procfs: str) -> dict[str, Outcome]:
    """Run every facility on every device."""
    found = devices(Netlink(kernel.connect), procfs, NAMES)
    return {facility.name: run(facility, found) for facility in FACILITIES}


def values(outcome: Outcome) -> dict[tuple[str, ...], float]:
    return {
        (s.metric.name.removeprefix("railwatch_rdma_"), *s.labels): s.value for s in outcome.samples
    }
