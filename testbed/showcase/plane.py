"""What pods need to start, and the control plane to reach them, in the story: it mostly works."""

from collections.abc import Iterator

from catalog import neighbours_nodes as nodes
from catalog import neighbours_shown as shown
from testbed.showcase.devices import GPUS, NODES
from testbed.showcase.samples import Sample, after, bucketed, grown, histogram, sample, wave

_DAY = 86_400.0
_VALID = (1800.0, 21_600.0, *(_DAY * days for days in (0.5, 1, 2, 4, 7, 30, 90, 180, 360)))
_CALL = tuple(2.0**power for power in range(10))
_CLOUD = tuple(500.0 * 2**power for power in range(10))
_DIAL = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 30.0)
_DRA = (0.1, 0.15, 0.24, 0.36, 0.55, 0.85, 1.3, 2.0, 3.1, 4.7, 7.2, 11.0, 17.0, 26.0, 40.0)
DRIVER = "gpu.nvidia.com"
UNSYNCED = "gpu-07"
"""Calico cannot write its network, and for a while does not know what to write."""


def samples(at: float) -> Iterator[Sample]:
    """Yield everything of certificates, the tunnel, and what each node's pods need to start."""
    yield from _certificates(at)
    for number, node in enumerate(NODES):
        yield from _kubelet_certificates(number, node, at)
        yield sample(
            nodes.NODE_CAPACITY, GPUS, node=node, resource="nvidia_com_gpu", unit="integer"
        )
        synced = 1.0 if node == UNSYNCED and after(at, 5.2, 6) else 3.0
        yield sample(nodes.CALICO_SYNC, synced, node=node)
    for node in NODES[:3]:
        yield from _runtime(node, at)
        yield from _dra(node, at)
    for node in NODES[-2:]:
        yield from _terway(node, at)
        yield from _tunnel(node, at)


def _certificates(at: float) -> Iterator[Sample]:
    yield from bucketed(nodes.CLIENT_CERTIFICATES, at, _VALID, typical=200 * _DAY, a_second=9.0)
    ends = {"registry.example:443": 61.0, "s3.example:443": 12.0, "line-far-end:443": 300.0}
    for target, days in ends.items():
        yield sample(nodes.PROBED_CERTIFICATE_END, days * _DAY, instance=target)


def _kubelet_certificates(number: int, node: str, at: float) -> Iterator[Sample]:
    left = (300 - 7 * number) * _DAY - at
    yield sample(nodes.CLIENT_CERTIFICATE_LEFT, left, node=node)
    yield sample(nodes.SERVER_CERTIFICATE_LEFT, left - 20 * _DAY, node=node)
    failed = round(grown(f"csr{node}", at, 0.0008)) if number == len(NODES) - 1 else 0
    yield sample(nodes.CLIENT_RENEWAL_ERRORS, 0, node=node)
    yield sample(nodes.SERVER_RENEWAL_ERRORS, failed, node=node)


def _runtime(node: str, at: float) -> Iterator[Sample]:
    yield from histogram(
        nodes.SANDBOX, at, typical=1.1, a_second=0.02, node=node, runtime_handler="nvidia"
    )
    yield from histogram(nodes.POD_START_SEEN, at, typical=7.0, a_second=0.02, node=node)
    for operation, rate in (("run_podsandbox", 0.02), ("create_container", 0.05)):
        me = {"node": node, "operation_type": operation}
        yield sample(nodes.RUNTIME_OPERATIONS, round(grown(f"{operation}{node}", at, rate)), **me)
        failed = round(grown(f"no {operation}{node}", at, rate / 40))
        yield sample(nodes.RUNTIME_ERRORS, failed, **me)


def _dra(node: str, at: float) -> Iterator[Sample]:
    for method in ("NodePrepareResources", "NodeUnprepareResources"):
        name = f"/k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin/{method}"
        for code, rate in (("OK", 0.02), ("Internal", 0.0006)):
            call = {"driver_name": DRIVER, "method_name": name, "grpc_status_code": code}
            yield from bucketed(
                shown.DRA_CALLS, at, _DRA, typical=0.4, a_second=rate, node=node, **call
            )
        work = {"operation_name": method.removeprefix("Node"), "is_error": "false"}
        yield from bucketed(
            shown.DRA_OPERATIONS, at, _DRA, typical=0.5, a_second=0.02, node=node, **work
        )
    yield sample(shown.DRA_CLAIMS, 3, node=node, driver_name=DRIVER)
    yield sample(shown.DRA_CLAIMS, 3, node=node, driver_name="<any>")


def _terway(node: str, at: float) -> Iterator[Sample]:
    for error, rate in (("false", 0.02), ("true", 0.0005)):
        for api in ("AllocIP", "ReleaseIP"):
            call = {"node": node, "rpc_api": api, "error": error}
            yield from bucketed(nodes.TERWAY_CALLS, at, _CALL, typical=60.0, a_second=rate, **call)
        cloud = {"node": node, "api": "AssignPrivateIpAddresses", "error": error}
        yield from bucketed(shown.TERWAY_CLOUD, at, _CLOUD, typical=900.0, a_second=rate, **cloud)
    pool = {"name": "eniip", "type": "eniip", "capacity": "40", "max_idle": "5", "min_idle": "0"}
    idle = round(wave(f"idle{node}", at, 0, 5))
    yield sample(shown.TERWAY_POOL, 14.0 + idle, node=node, **pool)
    yield sample(shown.TERWAY_IDLE, idle, node=node, **pool)


def _tunnel(node: str, at: float) -> Iterator[Sample]:
    cut = node == NODES[-1] and after(at, 7)
    yield sample(nodes.TUNNEL_CONNECTIONS, 0.0 if cut else 3.0, instance=node)
    failed = round(grown(f"dial{node}", at, 0.001))
    yield sample(shown.TUNNEL_FAILURES, failed, instance=node, reason="timeout")
    yield from bucketed(shown.TUNNEL_DIAL, at, _DIAL, typical=0.004, a_second=0.3, instance=node)
