"""The nodes' RDMA ports on eight rails, the fabric's switches, and a line to a cloud."""

from collections.abc import Iterator, Sequence

from catalog.fabric import (
    FABRIC_CHANGES,
    FABRIC_COMPLETE,
    FABRIC_LINK_BAD,
    FABRIC_LINK_LOST,
    FABRIC_MISCABLED,
    FABRIC_NODES,
)
from catalog.rdma import (
    RDMA_PORT_EXPECTED,
    RDMA_PORT_INFO,
    RDMA_PORT_LINK_DOWNED,
    RDMA_PORT_PHYSICAL_STATE,
    RDMA_PORT_RATE,
    RDMA_PORT_RECEIVE,
    RDMA_PORT_STATE,
    RDMA_PORT_TRANSMIT,
)
from catalog.rdma_counters import BY_FILE
from catalog.rdma_ethernet import RDMA_FEC_UNCORRECTABLE, RDMA_PAUSE_SECONDS
from catalog.rdma_link import LONG, RDMA_BIT_ERROR_RATIO, RDMA_LINK_DOWNS, SYMBOL
from catalog.rdma_modules import RDMA_MODULE_FLAGS, RDMA_MODULE_INFO
from catalog.rdma_netlink import RDMA_POD_QUEUE_PAIRS
from catalog.topology import RDMA_GPU_AFFINITY, RDMA_RAIL_MISCABLED, RDMA_TOPOLOGY_INFO
from catalog.uplink import (
    CAPACITY,
    DIRECTIONS,
    DISK_ANSWERING,
    DISK_AVAILABLE,
    DISK_SIZE,
    DISK_WRITTEN_BYTES,
    INTERFACE_UP,
    POD_RECEIVE_BYTES,
    POD_TRANSMIT_BYTES,
    RECEIVE_BYTES,
    RECEIVE_DROPS,
    TRANSMIT_BYTES,
    TRANSMIT_DROPS,
)
from catalog.uplink_probes import (
    ICMP,
    PROBE_JITTER,
    PROBE_LOSS,
    PROBE_ROUND_TRIP,
    PROBE_SUCCESS,
    STATISTICS,
)
from catalog.uplink_tc import TC_BACKLOG_BYTES, TC_BYTES, TC_DROPS
from testbed.showcase.devices import DRAINED_AT, GPUS, LOST, NODES, SILENT, job_of
from testbed.showcase.samples import Change, Sample, after, grown, sample, wave

RATE = 50e9
FLAPPING = ("gpu-06", "mlx5_2")
DIRTY = ("gpu-03", "mlx5_7")
DOWN = (6.0, 6.4)
JAMMED, JAM = 5, (2.0, 5.0)
"""The rail that jams, and when."""
FULL = (3.0, 4.5)
"""When the line is full."""
CLOUD = NODES[10:11]
LINE = "north"


def samples(at: float, nodes: Sequence[str] = NODES) -> Iterator[Sample]:
    """Yield everything of ports, switches and the line."""
    for node in nodes:
        if not (node == SILENT and after(at, 7)):
            for rail in range(GPUS):
                yield from _port(node, rail, at)
    yield from _fabric(at)
    for node in CLOUD:
        yield from _line(node, at)


def _port(node: str, rail: int, at: float) -> Iterator[Sample]:
    device = f"mlx5_{rail}"
    me = {"node": node, "device": device, "port": "1"}
    down = (node, device) == FLAPPING and after(at, *DOWN)
    yield sample(RDMA_PORT_STATE, 1 if down else 4, **me)
    yield sample(RDMA_PORT_PHYSICAL_STATE, 2 if down else 5, **me)
    yield sample(RDMA_PORT_EXPECTED, 1, **me, source="learned")
    yield sample(RDMA_PORT_RATE, RATE, **me)
    leaf = f"leaf-{rail // 2 + 1}{'a' if node < 'gpu-07' else 'b'}"
    yield sample(RDMA_TOPOLOGY_INFO, 1, **me, rail=str(rail), leaf=leaf, role="compute")
    yield sample(
        RDMA_PORT_INFO,
        1,
        **me,
        guid=f"0xa088c203{NODES.index(node):02x}{rail:02x}",
        link_layer="Ethernet",
        netdev=f"eth{rail}",
        pci_bus_id=f"0000:{0x19 + rail:02x}:00.0",
        numa_node=str(rail // 4),
        board_id="MT_0000000838",
        firmware="28.43.1014",
        hca_type="MT4129",
        function="physical",
    )
    uuid = f"GPU-{node}-{rail}"
    near = {"node": node, "device": device, "gpu": str(rail), "uuid": uuid, "affinity": "PIX"}
    yield sample(RDMA_GPU_AFFINITY, 1, **near)
    yield sample(RDMA_RAIL_MISCABLED, 0, **me, rail=str(rail), leaf=leaf, expected=leaf)
    yield from _traffic(me, rail, at)
    yield from _link(me, at)
    yield from _module(me)


def _traffic(me: dict[str, str], rail: int, at: float) -> Iterator[Sample]:
    node = me["node"]
    job = job_of(node, rail, 0)
    many = job is not None and len(job.nodes) > 1
    flow, key = 0.62 * RATE * many, f"{node}{rail}"
    pauses: list[Change] = []
    if (node, me["device"]) == FLAPPING:
        pauses.append((*DOWN, 0.0))
    if node == LOST[0]:
        pauses.append((DRAINED_AT, 99.0, 0.0))
    yield sample(RDMA_PORT_RECEIVE, grown(f"rx{key}", at, flow, *pauses), **me)
    yield sample(RDMA_PORT_TRANSMIT, grown(f"tx{key}", at, flow, *pauses), **me)
    jams = rail == JAMMED
    for file, rate in (
        ("np_cnp_sent", 2.2),
        ("rp_cnp_handled", 2.0),
        ("np_ecn_marked_roce_packets", 6.0),
        ("out_of_sequence", 0.4),
        ("out_of_buffer", 0.01),
        ("port_xmit_wait", 60.0),
        ("symbol_error", 0.0),
    ):
        jam = [(*JAM, 20 * rate * many)] if jams else []
        yield sample(BY_FILE[file], grown(file + key, at, rate * many, *jam), **me)
    for direction in ("receive", "transmit"):
        jam = [(*JAM, 0.06 * many)] if jams else []
        held = grown(f"pause{key}", at, 0.004 * many, *jam)
        yield sample(RDMA_PAUSE_SECONDS, held, **me, priority="3", direction=direction)
    job = job_of(node, rail, at)
    if job:
        holder = {"namespace": job.namespace, "pod": job.pod(me["node"]), "pod_uid": key}
        labels = {"node": me["node"], "device": me["device"]}
        yield sample(RDMA_POD_QUEUE_PAIRS, 64.0 * many, **labels, **holder)


def _link(me: dict[str, str], at: float) -> Iterator[Sample]:
    flaps = (me["node"], me["device"]) == FLAPPING
    downs = float(sum(at >= 3600 * hour for hour in (1.5, 3.2, 6.0))) if flaps else 0.0
    dirty = (me["node"], me["device"]) == DIRTY
    yield sample(RDMA_PORT_LINK_DOWNED, downs, **me)
    yield sample(RDMA_LINK_DOWNS, downs, **me)
    blocks = round(grown("fec", at, 0.001)) if dirty else 0
    yield sample(RDMA_FEC_UNCORRECTABLE, blocks, **me)
    ratio = 3.4e-13 if dirty else 2e-16
    yield sample(RDMA_BIT_ERROR_RATIO, ratio, **me, errors=SYMBOL, window=LONG)


def _module(me: dict[str, str]) -> Iterator[Sample]:
    dirty = (me["node"], me["device"]) == DIRTY
    yield sample(RDMA_MODULE_FLAGS, 2.0 * dirty, **me)
    number = NODES.index(me["node"]) * GPUS + int(me["device"][-1])
    made = {"form": "cmis", "vendor": "Mellanox", "part": "MMA4Z00-NS", "serial": f"MT23{number}"}
    yield sample(RDMA_MODULE_INFO, 1, **me, **made)


def _fabric(at: float) -> Iterator[Sample]:
    me = {"node": NODES[0]}
    yield sample(FABRIC_COMPLETE, 1, **me)
    for kind, number in (("switch", 12), ("hca", 96), ("router", 0), ("aggregation", 0)):
        yield sample(FABRIC_NODES, number, **me, kind=kind)
    for change, hours in (("added", (6.4,)), ("lost", (6.0,)), ("moved", ())):
        count = float(sum(at >= 3600 * hour for hour in hours))
        yield sample(FABRIC_CHANGES, count, **me, change=change)
    link = {"guid": "0x1", "switch": "spine-2", "port": "17", "peer_guid": "0x2"}
    yield sample(FABRIC_LINK_BAD, 1, **me, **link, peer="leaf-3b", peer_port="29", reason="errors")
    gone = link | {"port": "21", "peer_guid": "0x3"}
    yield sample(FABRIC_LINK_LOST, 1, **me, **gone, peer="leaf-4a", peer_port="30")
    yield sample(
        FABRIC_MISCABLED,
        1,
        **me,
        guid="0x4",
        host="gpu-10",
        device="mlx5_6",
        leaf_guid="0x5",
        leaf="leaf-3b",
        leaf_port="11",
        expected_leaf_guid="0x6",
        expected_leaf="leaf-4b",
    )


def _line(node: str, at: float) -> Iterator[Sample]:
    me = {"node": node, "line": LINE}
    for direction in DIRECTIONS:
        yield sample(CAPACITY, 1.25e9, **me, direction=direction)
    usual, most = 5e8, 1.1e9

    def flow(key: str, share: float) -> float:
        return grown(key, at, usual * share, (*FULL, most * share))

    interface = me | {"interface": "bond0.200"}
    yield sample(INTERFACE_UP, 1, **interface)
    yield sample(RECEIVE_BYTES, flow("line rx", 1), **interface)
    yield sample(TRANSMIT_BYTES, flow("line tx", 1 / 6), **interface)
    yield sample(RECEIVE_DROPS, round(grown("drops", at, 0.02)), **interface)
    yield sample(TRANSMIT_DROPS, 0, **interface)
    for pod, share in (("preload-imagenet", 0.7), ("lab-0", 0.1)):
        host = me | {"interface": f"cali{len(pod)}", "namespace": "notebooks", "pod": pod}
        yield sample(POD_RECEIVE_BYTES, flow(f"rx{pod}", share), **host)
        yield sample(POD_TRANSMIT_BYTES, flow(f"tx{pod}", share / 9), **host)
    yield from _probes(me, at, busy=after(at, *FULL))
    limiter = interface | {"object": "class", "kind": "htb", "handle": "1:20", "parent": "1:1"}
    yield sample(TC_BYTES, flow("tc", 0.7), **limiter)
    yield sample(TC_BACKLOG_BYTES, wave("backlog", at, 0, 3e6), **limiter)
    yield sample(TC_DROPS, round(grown("tc drops", at, 0.05)), **limiter)
    disk = me | {"path": "/mnt/preload"}
    yield sample(DISK_ANSWERING, 1, **disk)
    yield sample(DISK_SIZE, 15e12, **disk)
    yield sample(DISK_AVAILABLE, 15e12 - 4e12 - 2e8 * at, **disk)
    yield sample(DISK_WRITTEN_BYTES, flow("written", 0.7), **disk, device="nvme1n1")


def _probes(me: dict[str, str], at: float, *, busy: bool) -> Iterator[Sample]:
    probe = me | {"peer": "10.20.0.1", "kind": ICMP}
    yield sample(PROBE_SUCCESS, 1, **probe)
    trip = wave("trip", at, 0.0031, 0.0036) + 0.004 * busy
    for statistic in STATISTICS:
        yield sample(PROBE_ROUND_TRIP, trip, **probe, statistic=statistic)
    yield sample(PROBE_JITTER, trip / 12, **probe)
    yield sample(PROBE_LOSS, 0.004 * busy, **probe)
