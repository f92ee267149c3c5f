"""The whole program: pods, jobs and processes on simulated hardware."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalog.gpu_allocation import METRICS
from testbed.directories import private_directory
from testbed.kubelet import Claim, Container, Pod, SimulatedKubelet, gpu_pod
from testbed.nvml import state
from testbed.nvml.parts import COMPUTE, GRAPHICS, NO_INSTANCE, Process
from testbed.tools import ensure
from tests.exporters.running import Exporter, Hardware, Scrape, exporter, hardware

WEB, DB = (f"{n}f1f9f75-8024-5293-9cdc-b996da010db9" for n in (1, 2))
ID = "0123456789abcdef" * 4
GIB = 1 << 30
GPUS = 3


@dataclass
class Node:
    """A machine with a kubelet, and where its logs and its job files are."""

    machine: Hardware
    kubelet: SimulatedKubelet
    root: Path

    def flags(self) -> list[str]:
        return [
            *("--kubelet.socket-dir", str(self.kubelet.directory)),
            *("--path.pod-logs", str(self.root / "log")),
            *("--hpc-job-mapping-dir", str(self.root / "jobs")),
        ]

    def pod_log(self, namespace: str, pod: str, uid: str) -> None:
        (self.root / "log/pods" / f"{namespace}_{pod}_{uid}").mkdir(parents=True)

    def container_log(self, namespace: str, pod: str, container: str, identity: str) -> None:
        folder = self.root / "log/containers"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{pod}_{namespace}_{container}-{identity}.log").touch()

    def process(self, gpu: int, pid: int, memory: int, cgroup: str, utilization: int = 0) -> None:
        """Start a process that holds a compute and a graphics context."""
        folder = self.machine.sysfs.proc / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "cgroup").write_text(f"0::{cgroup}\n")
        contexts = [
            Process(
                kind=kind,
                pid=pid,
                memory=memory,
                gpu_instance=NO_INSTANCE,
                compute_instance=NO_INSTANCE,
                utilization=utilization,
            )
            for kind in (COMPUTE, GRAPHICS)
        ]
        with self.machine.nvml.card(gpu) as card:
            there = [one for one in card.processes if one.kind]
            state.set_processes(card, [*there, *contexts])


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Node, Exporter]]:
    """One node for all tests, as a start takes longer than any of them."""
    with ExitStack() as stack:
        machine = stack.enter_context(hardware(GPUS, 1))
        root = stack.enter_context(private_directory("node"))
        kubelet = stack.enter_context(SimulatedKubelet(root / "pod-resources"))
        (root / "jobs").mkdir()
        node = Node(machine, kubelet, root)
        yield node, stack.enter_context(exporter(machine, *node.flags()))


@pytest.fixture
def node(shared: tuple[Node, Exporter]) -> Node:
    """The node as it was at first: nobody uses it, nobody has."""
    node, running = shared
    node.kubelet.resume()
    node.kubelet.pods, node.kubelet.allocatable = (), {}
    shutil.rmtree(node.root / "log", ignore_errors=True)
    shutil.rmtree(node.machine.sysfs.path / "fs/cgroup", ignore_errors=True)
    for job in (node.root / "jobs").iterdir():
        job.unlink()
    for gpu in range(GPUS):
        with node.machine.nvml.card(gpu) as card:
            state.set_processes(card, [])
    running.await_scrape("an idle node", lambda s: not s.all("railwatch_gpu_allocation"))
    return node


@pytest.fixture
def running(shared: tuple[Node, Exporter]) -> Exporter:
    return shared[1]


def allocation(scrape: Scrape) -> dict[tuple[str, str], float]:
    """Return the parts by index of the GPU and name of the pod."""
    found = scrape.all("railwatch_gpu_allocation")
    return {(one.labels["gpu"], one.labels["pod"]): one.value for one in found}


def test_pods_come_share_and_go(node: Node, running: Exporter) -> None:
    uuid = node.machine.nvml.uuid
    node.kubelet.allocatable = {
        "nvidia.com/gpu": [uuid(0), *(f"{uuid(1)}::{replica}" for replica in range(4))]
    }
    claiming = Pod(name="claiming", containers=(Container(claims=(Claim(device="gpu-2"),)),))
    node.kubelet.pods = [gpu_pod("alone", uuid(0)), gpu_pod("sharing", f"{uuid(1)}::2"), claiming]

    scrape = running.await_scrape("the pods", lambda s: len(allocation(s)) == 3)
    assert allocation(scrape) == {("0", "alone"): 1, ("1", "sharing"): 0.25, ("2", "claiming"): 1}
    (alone,) = scrape.all("railwatch_gpu_allocation", pod="alone")
    assert alone.labels == {
        "gpu": "0",
        "uuid": uuid(0),
        "mig": "",
        "namespace": "default",
        "pod": "alone",
        "container": "main",
    }
    assert scrape.value("railwatch_gpu_allocatable_devices", resource="nvidia.com/gpu") == 5
    assert scrape.value("railwatch_gpu_allocated_devices", resource="nvidia.com/gpu") == 2
    assert scrape.value("railwatch_gpu_allocation_omitted") == 0
    assert scrape.value("railwatch_gpu_allocation_terminated") == 0

    node.kubelet.pods = []

    running.await_scrape("their end", lambda s: not allocation(s))


def test_a_kubelet_that_hangs_costs_its_own_series_only(node: Node, running: Exporter) -> None:
    uuid = node.machine.nvml.uuid(0)
    node.kubelet.pods = [gpu_pod("a", uuid)]
    running.await_scrape("the pod", lambda s: bool(allocation(s)))

    node.kubelet.hang()

    running.await_scrape(
        "the hang",
        lambda s: s.collector_state("allocation", "pods") == "failed" and not allocation(s),
    )
    hung = time.time()

    def answers_all_the_same(scrape: Scrape) -> None:
        answered = scrape.value("railwatch_gpu_last_success_timestamp_seconds", uuid=uuid)
        assert (answered or 0) > hung
        assert scrape.gpu_state(uuid) == "ok"
        assert scrape.collector_state("allocation", "pods") == "failed"

    running.await_true(answers_all_the_same)
    running.await_readiness("no answer within")

    node.kubelet.resume()

    running.await_scrape("its return", lambda s: bool(allocation(s)))


def test_a_kubelet_that_restarts_is_found_again(node: Node, running: Exporter) -> None:
    node.kubelet.pods = [gpu_pod("a", node.machine.nvml.uuid(0))]
    running.await_scrape("the pod", lambda s: bool(allocation(s)))

    node.kubelet.stop()

    running.await_scrape("its end", lambda s: s.collector_state("allocation", "pods") == "failed")
    node.kubelet.pods = [gpu_pod("b", node.machine.nvml.uuid(0))]
    node.kubelet.start()
    running.await_scrape("the new pod", lambda s: set(allocation(s)) == {("0", "b")})


def test_without_a_kubelet_it_is_absent_and_says_why(node: Node) -> None:
    flags = [*node.flags(), "--kubelet.socket-dir", str(node.root)]

    with exporter(node.machine, *flags) as running:
        running.await_scrape(
            "no kubelet", lambda s: s.collector_state("allocation", "pods") == "absent"
        )
        running.await_readiness(f"allocation/pods: absent ({node.root}/kubelet.sock: no kubelet")


def test_a_pod_that_has_ended_holds_nothing(node: Node, running: Exporter) -> None:
    node.kubelet.pods = [gpu_pod(name, node.machine.nvml.uuid(0)) for name in ("web", "db")]
    running.await_scrape("both", lambda s: len(allocation(s)) == 2)

    node.pod_log("default", "web", WEB)
    node.pod_log("default", "db", DB)
    (node.machine.sysfs.path / "fs/cgroup/kubepods" / f"pod{DB}").mkdir(parents=True)

    scrape = running.await_scrape("one", lambda s: len(allocation(s)) == 1)
    assert allocation(scrape) == {("0", "db"): 1}
    assert scrape.value("railwatch_gpu_allocation_terminated") == 1


def test_memory_and_utilisation_divide_among_pods_and_make_the_whole(
    node: Node, running: Exporter
) -> None:
    uuid = node.machine.nvml.uuid(0)
    node.pod_log("prod", "web", WEB)
    node.container_log("prod", "web", "main", ID)
    node.machine.nvml.set(0, memory_used=40 * GIB, utilization=70)
    in_pod = f"/kubepods/pod{WEB}/{ID}"
    node.process(0, 100, 20 * GIB, in_pod, utilization=40)
    node.process(0, 101, 5 * GIB, in_pod, utilization=10)
    node.process(0, 102, 3 * GIB, "/system.slice/slurmd.service", utilization=5)
    node.process(0, 103, 2 * GIB, "/kubepods/podffffffff-8024-5293-9cdc-b996da010db9")

    def memory(scrape: Scrape) -> dict[tuple[str, str], float]:
        found = scrape.all("railwatch_gpu_user_memory_bytes", uuid=uuid)
        return {(one.labels["user"], one.labels["container"]): one.value / GIB for one in found}

    name = "railwatch_gpu_user_utilization_ratio"

    def divided(scrape: Scrape) -> None:
        assert memory(scrape) == {("pod", "main"): 25, ("host", ""): 3, ("unattributed", ""): 12}
        used = {one.labels["user"]: one.value for one in scrape.all(name, uuid=uuid)}
        assert used == {
            "pod": pytest.approx(0.5),
            "host": pytest.approx(0.05),
            "unattributed": pytest.approx(0.15),
        }

    scrape = running.await_true(divided)
    (pod,) = scrape.all(name, uuid=uuid, user="pod")
    assert (pod.labels["namespace"], pod.labels["pod"]) == ("prod", "web")


def test_batch_jobs_from_their_files(node: Node, running: Exporter) -> None:
    (node.root / "jobs/1").write_text("4711\n")

    scrape = running.await_scrape("the job", lambda s: bool(s.all("railwatch_gpu_job")))

    uuid = node.machine.nvml.uuid(1)
    assert scrape.value("railwatch_gpu_job", gpu="1", uuid=uuid, mig="", hpc_job="4711") == 1
    (node.root / "jobs/1").unlink()
    running.await_scrape("its end", lambda s: not s.all("railwatch_gpu_job"))


def test_every_metric_is_there_and_promtool_finds_no_fault(node: Node, running: Exporter) -> None:
    node.kubelet.allocatable = {"nvidia.com/gpu": [node.machine.nvml.uuid(0)]}
    node.kubelet.pods = [gpu_pod("a", node.machine.nvml.uuid(0))]
    (node.root / "jobs/1").write_text("4711\n")
    node.process(0, 100, GIB, "/user.slice", utilization=1)
    wanted = {metric.name for metric in METRICS}

    scrape = running.await_scrape("all of them", lambda s: wanted <= {one.name for one in s.series})

    promtool, text = str(ensure("promtool")["promtool"]), scrape.text.encode()
    assert subprocess.run([promtool, "check", "metrics"], input=text, check=False).returncode == 0


def test_what_pods_are_called_cannot_spoil_the_exposition(node: Node, running: Exporter) -> None:
    hostile = 'a"} 1\nup 0\n\\'
    node.kubelet.pods = [gpu_pod(hostile, node.machine.nvml.uuid(0))]

    scrape = running.await_scrape("the pod", lambda s: len(allocation(s)) == 1)

    assert scrape.all("up") == []
    assert allocation(scrape) == {("0", hostile.replace("\n", "\ufffd")): 1}


def test_a_thousand_sharers_are_cut_and_counted(node: Node, running: Exporter) -> None:
    uuid = node.machine.nvml.uuid(0)
    node.kubelet.pods = [gpu_pod(f"pod-{n}", f"{uuid}::{n}") for n in range(1000)]

    scrape = running.await_scrape("the pods", lambda s: bool(allocation(s)))

    assert len(allocation(scrape)) == 16
    assert scrape.value("railwatch_gpu_allocation_omitted") == 1000 - 16
