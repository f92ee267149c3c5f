"""What the extender costs kube-scheduler a pod on 5,000 nodes, and what the daemon takes for it.

Two stock kube-schedulers that look at every node, one of them asking the extender, place the same
pods in turn. etcd, kube-apiserver, both schedulers and the extender share the machine's cores, so
that the processor's time stands beside that of the clock.
"""

import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_benchmark.fixture import BenchmarkFixture

from testbed.servers import Cluster, Scheduler
from testbed.servers.cluster import node_object
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.live import Program

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

NODES, PODS, ROUNDS = 5_000, 100, 3
MORE_IMAGES = 60
"""As many bytes of other things as kubelets tell: 8 KB."""
MOST_MS, MOST_MIB = 9.0, 200.0
PLAIN, OURS = "plain", "railwatch-scheduler"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one pod took, in milliseconds."""

    clock: float
    scheduler: float
    """Of processors' time."""
    extender: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """A cluster with both schedulers."""

    cluster: Cluster
    program: Program
    schedulers: dict[str, Scheduler]


def node(number: int) -> dict[str, Any]:
    tiers = (number // 16, number // 256, 0)
    labels = {f"topology.railwatch.io/tier-{n}": f"d-{tier}" for n, tier in enumerate(tiers)}
    made = node_object(f"gpu-{number:05}", gpus=8, labels=labels)
    images = [
        {"names": [f"registry.example/{index:03}@sha256:{index:064}"], "sizeBytes": index}
        for index in range(MORE_IMAGES)
    ]
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}
    made["status"] |= {"conditions": [ready], "images": images}
    return made


def add_node(cluster: Cluster, number: int) -> None:
    """Create a node, and take away the taint that every new one gets."""
    name = cluster.api.create(node(number))["metadata"]["name"]
    cluster.api.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": None}})


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Cluster() as cluster:
        live.deploy_rbac(cluster)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: add_node(cluster, number), range(NODES)))
        plain = {"percentageOfNodesToScore": 100, "profiles": [{"schedulerName": PLAIN}]}
        with (
            live.program(cluster.kubeconfig_for(live.PROGRAM_USER)) as program,
            live.kube_scheduler(cluster, program.port) as ours,
            Scheduler(cluster.apiserver, config=yaml.safe_dump(plain)) as bare,
        ):
            yield Rig(cluster=cluster, program=program, schedulers={OURS: ours, PLAIN: bare})


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def pod(name: str, app: str, scheduler: str) -> dict[str, Any]:
    made = live.bare_pod(name, "")
    del made["spec"]["nodeSelector"]
    made["metadata"]["labels"] = {"app": app}
    made["spec"]["schedulerName"] = scheduler
    return made


def one_round(rig: Rig, scheduler: str, number: int) -> Cost:
    """Place pods and take them away again; return what each of them cost."""
    app = f"{scheduler}-{number}"
    pids = (rig.schedulers[scheduler].process.pid, rig.program.process.pid)
    before, began = [*map(cpu, pids)], time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        made = [pod(f"{app}-{n}", app, scheduler) for n in range(PODS)]
        list(threads.map(rig.cluster.api.create, made))
    await_bound(rig, app)
    took = [time.monotonic() - began, *(cpu(p) - b for p, b in zip(pids, before, strict=True))]
    clock, in_scheduler, in_extender = (seconds * 1000 / PODS for seconds in took)
    for n in range(PODS):
        path = f"/api/v1/namespaces/default/pods/{app}-{n}?gracePeriodSeconds=0"
        rig.cluster.api.delete(path)
    return Cost(clock=clock, scheduler=in_scheduler, extender=in_extender)


def await_bound(rig: Rig, app: str) -> None:
    path = f"/api/v1/namespaces/default/pods?labelSelector=app%3D{app}"
    wait_until(
        lambda: all(p["spec"].get("nodeName") for p in rig.cluster.api.items(path)),
        within=300,
        what=f"all pods of {app} bound",
        every=0.05,
    )


def test_bench_a_pod_with_and_without_the_extender(
    benchmark: BenchmarkFixture, rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    costs: dict[str, list[Cost]] = {PLAIN: [], OURS: []}

    def both(number: int) -> None:
        for scheduler, found in costs.items():
            found.append(one_round(rig, scheduler, number))

    both(0)
    costs = {scheduler: [] for scheduler in costs}
    numbers = iter(range(1, ROUNDS + 1))
    benchmark.pedantic(lambda: both(next(numbers)), rounds=ROUNDS)  # type: ignore[no-untyped-call] # pytest-benchmark forgot it

    plain, ours = (_median(costs[scheduler]) for scheduler in (PLAIN, OURS))
    more = ours.clock - plain.clock
    benchmark.extra_info |= {"ms_plain": plain.clock, "ms_ours": ours.clock, "ms_more": more}
    with capsys.disabled():
        print(
            f"\n  {NODES} nodes, all looked at, milliseconds a pod; load {os.getloadavg()[0]:.1f}"
        )
        for name, cost in (("without", plain), ("with", ours)):
            print(
                f"  {name:>8} extender: {cost.clock:.1f}; processors: kube-scheduler "
                f"{cost.scheduler:.1f}, extender {cost.extender:.1f}"
            )
        print(f"  the extender costs {more:+.1f} (at most {MOST_MS:+.0f})")
        print(f"  in the server: {', '.join(_in_the_server(rig.program))}")


def _median(costs: list[Cost]) -> Cost:
    clock, scheduler, extender = (
        statistics.median(getattr(cost, field) for cost in costs)
        for field in ("clock", "scheduler", "extender")
    )
    return Cost(clock=clock, scheduler=scheduler, extender=extender)


def _in_the_server(program: Program) -> Iterator[str]:
    """Say how many of the requests were answered how fast."""
    name = "railwatch_scheduler_request_duration_seconds"
    for verb in ("filter", "prioritize"):
        count = program.metric(f"{name}_count", verb=verb) or 0.0
        assert count >= PODS * ROUNDS
        total = program.metric(f"{name}_sum", verb=verb) or 0.0
        shares = [
            (program.metric(f"{name}_bucket", verb=verb, le=le) or 0.0) / count
            for le in ("0.001", "0.003")
        ]
        yield (
            f"{verb} {total * 1000 / count:.2f} ms, "
            f"{shares[0]:.0%} within 1 ms, {shares[1]:.0%} within 3 ms"
        )


def test_bench_memory_of_the_daemon(
    benchmark: BenchmarkFixture, rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    """After it has placed pods, with the extender and the gang controller at work."""

    def resident() -> float:
        lines = Path(f"/proc/{rig.program.process.pid}/status").read_text().splitlines()
        (line,) = (each for each in lines if each.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    mib = benchmark.pedantic(resident, rounds=1)  # type: ignore[no-untyped-call] # pytest-benchmark forgot it

    assert rig.program.metric("railwatch_scheduler_cache_nodes") == NODES
    assert rig.program.metric("railwatch_scheduler_drain_leader") == 1
    benchmark.extra_info["MiB"] = mib
    with capsys.disabled():
        print(f"\n  {NODES} nodes, gangs on: {mib:.0f} MiB resident (at most {MOST_MIB:.0f})")
