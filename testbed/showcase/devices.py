"""The nodes' GPUs: who holds them, how they work, and the two that break."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catalog.exporter import (
    COLLECTOR_AGE,
    COLLECTOR_DURATION,
    COLLECTOR_STATE,
    EXPORTER_BUILD_INFO,
    EXPORTER_DUPLICATES,
    EXPORTER_INTERVAL,
    EXPORTER_WORKER_FAILURES,
    NODE_BOOT_TIME,
    NODE_KERNEL_LOG_LOST,
)
from catalog.gpu import (
    GPU_AGE,
    GPU_DRIVER_INFO,
    GPU_ECC_ERRORS,
    GPU_ENERGY,
    GPU_INFO,
    GPU_MEMORY_CAPACITY,
    GPU_MEMORY_COPY_UTILIZATION,
    GPU_MEMORY_USED,
    GPU_POWER,
    GPU_POWER_LIMIT,
    GPU_RESET_TIMESTAMP,
    GPU_STATE,
    GPU_TEMPERATURE,
    GPU_UTILIZATION,
    GPU_XID_ERRORS,
    GPU_XID_LAST_TIMESTAMP,
)
from catalog.gpu_allocation import GPU_ALLOCATION, GPU_USER_MEMORY
from catalog.gpu_board import GPU_MEMORY_TEMPERATURE, GPU_TEMPERATURE_MARGIN
from catalog.gpu_clocks import GPU_CLOCK, GPU_CLOCK_MAX, GPU_CLOCKS_LIMITED
from catalog.gpu_gpm import GPU_DRAM_ACTIVE, GPU_SM_ACTIVE, GPU_SM_OCCUPANCY, GPU_TENSOR_ACTIVE
from catalog.gpu_nvlink import NVLINK_ERRORS, NVLINK_LINKS, NVLINK_RECEIVED, NVLINK_TRANSMITTED
from catalog.gpu_pcie import (
    GPU_PCIE_GENERATION,
    GPU_PCIE_GENERATION_MAX,
    GPU_PCIE_LANES,
    GPU_PCIE_LANES_MAX,
    GPU_PCIE_REPLAYS,
)
from catalog.gpu_repair import (
    GPU_RECOVERY_ACTION,
    GPU_REMAPPED_ROWS,
    GPU_REMAPPED_ROWS_FAILED,
    GPU_REMAPPED_ROWS_PENDING,
)
from catalog.gpu_state import GPU_CYCLE_DURATION, GPU_DEADLINE
from testbed.showcase.samples import Sample, after, grown, sample, states, wave

GPUS = 8
NODES = tuple(f"gpu-{number:02}" for number in range(1, 13))
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Job:
    """A workload: each of its nodes runs one pod with so many GPUs, as busy as this."""

    namespace: str
    name: str
    nodes: tuple[str, ...]
    gpus: int
    busy: tuple[float, float]
    kind: str = "JobSet"

    def pod(self, node: str) -> str:
        """Return the name of its pod on a node."""
        return f"{self.name}-{self.nodes.index(node)}"


JOBS = (
    Job("research", "llama-pretrain", NODES[:6], 8, (0.88, 0.99)),
    Job("vision", "detector", NODES[6:8], 8, (0.6, 0.95), "TrainingJob"),
    Job("serving", "chat", NODES[8:10], 4, (0.2, 0.8), "Deployment"),
    Job("notebooks", "lab", NODES[10:11], 3, (0.0, 0.03), "StatefulSet"),
)
LOST = ("gpu-04", 3)
"""Falls off the bus four and a half hours into the story."""
LOST_AT, DRAINED_AT = 4.5, 4.75
HOT = ("gpu-02", 5)
"""Slows down for its temperature from the third hour on, and every rank with it."""
SILENT = "gpu-12"
"""Its exporter is not heard from the seventh hour on."""
CLOCK = 1.98e9


def job_of(node: str, gpu: int, at: float) -> Job | None:
    """Return the workload that holds a GPU; the lost one's node is drained after a while."""
    for job in JOBS:
        if node in job.nodes and gpu < job.gpus:
            return None if node == LOST[0] and after(at, DRAINED_AT) else job
    return None


def is_lost(node: str, gpu: int, at: float) -> bool:
    """Whether the GPU has fallen off the bus."""
    return (node, gpu) == LOST and after(at, LOST_AT)


def samples(at: float, nodes: Sequence[str] = NODES) -> Iterator[Sample]:
    """Yield everything of the nodes that answer."""
    for node in nodes:
        heard = not (node == SILENT and after(at, 7))
        labels = {"job": "railwatch-exporter", "node": node, "instance": node}
        yield Sample("up", labels, float(heard))
        if heard:
            yield from _exporter(node, at)
            for gpu in range(GPUS):
                yield from _gpu(node, gpu, at)


def _exporter(node: str, at: float) -> Iterator[Sample]:
    yield sample(EXPORTER_BUILD_INFO, 1, node=node, version="0.9.0")
    yield sample(EXPORTER_INTERVAL, 15, node=node)
    yield sample(EXPORTER_DUPLICATES, 0, node=node)
    yield sample(NODE_KERNEL_LOG_LOST, 0, node=node)
    yield sample(NODE_BOOT_TIME, -9 * 86_400, node=node)
    yield sample(EXPORTER_WORKER_FAILURES, 0, node=node, family="gpu", cause="hung")
    yield sample(GPU_DEADLINE, 12, node=node, calls="cycle")
    versions = {"driver_version": "580.65.06", "cuda_version": "13.0", "nvml_version": "13.580"}
    yield sample(GPU_DRIVER_INFO, 1, node=node, **versions)
    for family, facility in _FACILITIES:
        failed = (node, facility) == ("gpu-09", "xid") and after(at, 5.5, 6.2)
        at_facility = {"node": node, "family": family, "facility": facility}
        yield from states(COLLECTOR_STATE, "failed" if failed else "ok", **at_facility)
        yield sample(COLLECTOR_AGE, 2, **at_facility)
        took = wave(f"{node}{facility}", at, 0.002, 0.02)
        yield sample(COLLECTOR_DURATION, took, **at_facility)


_FACILITIES = (
    *(("gpu", name) for name in ("state", "xid", "ecc", "clocks", "gpm", "nvlink")),
    *(("rdma", name) for name in ("port", "counters")),
    ("allocation", "pods"),
    *(("uplink", name) for name in ("interfaces", "icmp_probes")),
)


def _gpu(node: str, gpu: int, at: float) -> Iterator[Sample]:
    uuid = f"GPU-{node}-{gpu}"
    me = {"node": node, "gpu": str(gpu), "uuid": uuid}
    lost = is_lost(node, gpu, at)
    yield from states(GPU_STATE, "lost" if lost else "ok", **me)
    yield sample(
        GPU_INFO,
        1,
        **me,
        name="NVIDIA H100 80GB HBM3",
        serial=f"16532240{NODES.index(node):02}{gpu}",
        pci_bus_id=f"00000000:{0x18 + gpu:02X}:00.0",
        vbios="96.00.74.00.01",
    )
    yield sample(GPU_AGE, at - LOST_AT * 3600 if lost else wave(uuid, at, 0.2, 2), **me)
    yield sample(GPU_RESET_TIMESTAMP, -9 * 86_400, **me)
    yield from _xids(me, at, lost=lost)
    if lost:
        return
    job = job_of(node, gpu, at)
    busy = wave(f"{job.name}{node}", at, *job.busy) if job else 0.0
    yield from _holder(me, job, node, at)
    yield from _work(me, busy, at)
    yield from _links(me, at)
    yield from _wear(me, at)


def _xids(me: dict[str, str], at: float, *, lost: bool) -> Iterator[Sample]:
    for xid, resolution, count in (
        ("79", "RESTART_BM", float(lost)),
        ("31", "RESTART_APP", float(me["node"] == "gpu-07" and after(at, 2))),
        ("48", "RESET_GPU", 0.0),
    ):
        yield sample(GPU_XID_ERRORS, count, **me, xid=xid, resolution=resolution)
        yield sample(
            GPU_XID_LAST_TIMESTAMP, count * LOST_AT * 3600, **me, xid=xid, resolution=resolution
        )


def _holder(me: dict[str, str], job: Job | None, node: str, at: float) -> Iterator[Sample]:
    if job:
        holder = {"namespace": job.namespace, "pod": job.pod(node), "container": "main"}
        yield sample(GPU_ALLOCATION, 1, **me, mig="", **holder)
        used = wave(f"memory{job.name}{node}", at, 58, 74) * GIB
        yield sample(GPU_USER_MEMORY, used, **me, mig="", user="pod", **holder)


def _work(me: dict[str, str], busy: float, at: float) -> Iterator[Sample]:
    key = me["uuid"]
    hot = (me["node"], int(me["gpu"])) == HOT and after(at, 3)
    yield sample(GPU_UTILIZATION, busy, **me)
    yield sample(GPU_MEMORY_COPY_UTILIZATION, busy * 0.6, **me)
    used = wave(f"memory{key}", at, 56, 72) * GIB if busy > 0 else 0.6 * GIB
    yield sample(GPU_MEMORY_USED, used, **me)
    yield sample(GPU_MEMORY_CAPACITY, 80 * GIB, **me)
    power = 70 + busy * wave(f"power{key}", at, 520, 620)
    yield sample(GPU_POWER, power, **me)
    yield sample(GPU_POWER_LIMIT, 700, **me)
    used = 560.0 if job_of(me["node"], int(me["gpu"]), 0) else 72.0
    idle = [(DRAINED_AT, 99.0, 72.0)] if me["node"] == LOST[0] else []
    yield sample(GPU_ENERGY, grown(key, at, used, *idle), **me)
    heat = 34 + busy * wave(f"heat{key}", at, 22, 32) + 24 * hot
    yield sample(GPU_TEMPERATURE, heat, **me)
    yield sample(GPU_MEMORY_TEMPERATURE, heat + 9, **me)
    yield sample(GPU_TEMPERATURE_MARGIN, 87 - heat, **me)
    clock = CLOCK * (0.71 if hot else 1) * (wave(f"clock{key}", at, 0.96, 1) if busy else 0.17)
    yield sample(GPU_CLOCK, clock, **me, domain="sm")
    yield sample(GPU_CLOCK_MAX, CLOCK, **me, domain="sm")
    for reason, holds in (("hw_thermal_slowdown", hot), ("gpu_idle", busy == 0)):
        yield sample(GPU_CLOCKS_LIMITED, float(holds), **me, reason=reason)
    for metric, share in (
        (GPU_SM_ACTIVE, 0.85),
        (GPU_TENSOR_ACTIVE, 0.52),
        (GPU_DRAM_ACTIVE, 0.44),
        (GPU_SM_OCCUPANCY, 0.31),
    ):
        value = busy * share * wave(metric.name + key, at, 0.85, 1)
        yield sample(metric, value, **me, mig="")
    yield sample(GPU_CYCLE_DURATION, wave(f"cycle{key}", at, 0.004, 0.011), **me)


def _links(me: dict[str, str], at: float) -> Iterator[Sample]:
    key = me["uuid"]
    for state, count in (("active", 18), ("inactive", 0)):
        yield sample(NVLINK_LINKS, count, **me, state=state)
    for metric in (NVLINK_TRANSMITTED, NVLINK_RECEIVED):
        flow = 1.3e11 * (job_of(me["node"], int(me["gpu"]), 0) is not None)
        idle = [(DRAINED_AT, 99.0, 0.0)] if me["node"] == LOST[0] else []
        yield sample(metric, grown(metric.name + key, at, flow, *idle), **me)
    errors = 3.0 * max(0.0, at / 3600 - 5) if (me["node"], me["gpu"]) == ("gpu-08", "2") else 0.0
    yield sample(NVLINK_ERRORS, round(errors), **me, kind="crc_data")
    lanes = 8 if (me["node"], me["gpu"]) == ("gpu-02", "1") else 16
    yield sample(GPU_PCIE_GENERATION, 5, **me)
    yield sample(GPU_PCIE_GENERATION_MAX, 5, **me)
    yield sample(GPU_PCIE_LANES, lanes, **me)
    yield sample(GPU_PCIE_LANES_MAX, 16, **me)
    yield sample(GPU_PCIE_REPLAYS, round(grown(f"replay{key}", at, 0.0004)), **me)


def _wear(me: dict[str, str], at: float) -> Iterator[Sample]:
    worn = me["node"] == "gpu-02" and me["gpu"] == "5"
    corrected = round(grown(f"ecc{me['uuid']}", at, 0.002 if worn else 0.00005))
    yield sample(GPU_ECC_ERRORS, corrected, **me, kind="corrected")
    yield sample(GPU_ECC_ERRORS, 0, **me, kind="uncorrected")
    yield sample(GPU_REMAPPED_ROWS, 2.0 * worn, **me, kind="correctable")
    yield sample(GPU_REMAPPED_ROWS, 0, **me, kind="uncorrectable")
    yield sample(GPU_REMAPPED_ROWS_PENDING, float(worn), **me)
    yield sample(GPU_REMAPPED_ROWS_FAILED, 0, **me)
    yield from states(GPU_RECOVERY_ACTION, "gpu_reset" if worn else "none", **me)
