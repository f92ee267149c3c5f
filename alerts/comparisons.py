"""Recording rules that compare nodes: peers of a workload, ports behind a leaf, ends of a line.

Only a Prometheus that has all nodes can evaluate them. Each takes samples of observed collectors
only, so that what they record may stand in a proof. What hangs on many-to-one joins has its right
side aggregated first: one duplicate series there would fail the rule for everybody.
"""

from typing import Any

from alerts.model import Alert
from alerts.promql import Series, by, duration, latest, select, written
from alerts.tuning import Intervals
from catalog import compared
from catalog.fabric import FABRIC_HCA_INFO
from catalog.gpu import GPU_ECC_ERRORS, GPU_UTILIZATION
from catalog.gpu_allocation import GPU_ALLOCATION
from catalog.gpu_clocks import GPU_CLOCK
from catalog.gpu_gpm import GPU_TENSOR_ACTIVE
from catalog.labels import (
    CLUSTER,
    DOMAIN,
    GPU,
    GUID,
    LINE,
    NAMESPACE,
    NODE,
    OBSERVED,
    POD,
    UUID,
    WORKLOAD,
)
from catalog.rdma import PORT, RDMA_PORT_INFO, RDMA_PORT_STATE
from catalog.topology import RDMA_TOPOLOGY_INFO
from catalog.uplink import CAPACITY, RECEIVE, RECEIVE_BYTES, TRANSMIT, TRANSMIT_BYTES
from catalog.uplink_probes import ICMP, PROBE_LOSS, PROBE_ROUND_TRIP, PROBE_SUCCESS, TCP

ACTIVE = 4
"""IBTA PortState."""

BUSY = 0.5
"""From this utilisation on a GPU is at work, and its clocks can be compared."""

FEWEST_PEERS = 4
"""With fewer, a median says nothing."""

REMEMBERED = "1h"
"""How long a port's leaf is remembered: a dead link tells no neighbour."""

RANK_SUFFIX = "(.*?)(?:-[0-9]+)?(?:-[a-z0-9]{5})?"
"""What a pod's name is without its rank and the five random characters that controllers append."""

_HERE = (CLUSTER, NODE)
"""One Prometheus of many clusters tells them apart; where there is one, the label is not there."""
_PORT = (*_HERE, *PORT)
_WORKLOAD = (CLUSTER, NAMESPACE, WORKLOAD)


def observed(series: str, *facilities: str) -> str:
    """Return the series of nodes whose collectors, each as `family/facility`, are observed."""
    found = series
    for facility in facilities:
        family, name = facility.split("/")
        seen = Series(OBSERVED, (f'family="{family}"', f'facility="{name}"'))
        found += f" and on ({by(*_HERE)}) {seen} == 1"
    return f"({found})"


def _ranks(metric: str, facility: str) -> str:
    """Return a metric of each busy GPU, with the workload that its pod is a rank of."""
    holders = select(GPU_ALLOCATION, mig="", pod=(".+",))
    workloads = f'label_replace({holders} == 1, "{WORKLOAD}", "$1", "{POD}", "{RANK_SUFFIX}")'
    device = by(*_HERE, GPU, UUID)
    busy = f"{latest(Series(GPU_UTILIZATION.name), *_HERE, UUID)} > {BUSY}"
    seen = observed(metric, facility, "allocation/pods")
    return f"""
        max by ({by(NODE, UUID, *_WORKLOAD)}) ({workloads})
          * on ({by(*_HERE, UUID)}) group_left ({GPU})
        (max by ({device}) {seen} and on ({by(*_HERE, UUID)}) {busy})
        """


def _peer_ratio(metric: str, facility: str) -> str:
    """Return each rank's value by the median of its workload, where there are enough to compare."""
    ranks = written(_ranks(metric, facility))
    group = by(*_WORKLOAD)
    return f"""
min by ({by(*_HERE, GPU, UUID)}) (
    (
{ranks}    )
  / on ({group}) group_left ()
    (
      quantile by ({group}) (0.5,
{ranks}      ) > 0
      and
      count by ({group}) (
{ranks}      ) >= {FEWEST_PEERS}
    )
)
"""


def _corrected() -> str:
    counted = select(GPU_ECC_ERRORS, kind="corrected")
    return f"quantile by ({CLUSTER}) (0.99, {observed(f'increase({counted}[1h])', 'gpu/ecc')})"


def leaves() -> str:
    """Return 1 for each port by its leaf, as LLDP or the InfiniBand fabric tell it."""
    heard = f"max_over_time({select(RDMA_TOPOLOGY_INFO, leaf=('.+',))}[{REMEMBERED}])"
    known = latest(select(RDMA_PORT_INFO, guid=(".+",)), *_PORT, GUID)
    ports = f"topk by ({by(CLUSTER, GUID)}) (1, {known})"
    named = f"max by ({CLUSTER}, {GUID}, leaf) ({FABRIC_HCA_INFO.name})"
    found = f"{named} * on ({CLUSTER}, {GUID}) group_left ({', '.join((NODE, *PORT))}) {ports}"
    leaves = f"max by ({by(*_PORT, 'leaf')}) ({heard} or {found})"
    return f'label_replace({leaves}, "{DOMAIN}", "$1", "leaf", "(.+)")'


def _behind() -> str:
    """Return the state of each port by its leaf."""
    state = f"max by ({by(*_PORT)}) {observed(RDMA_PORT_STATE.name, 'rdma/port')}"
    return f"{leaves()} * on ({by(*_PORT)}) group_left () {state}"


def _probes(metric: str, **wanted: str) -> str:
    return " or ".join(
        observed(str(Series(metric, _matching(kind, wanted))), f"uplink/{kind}_probes")
        for kind in (TCP, ICMP)
    )


def _matching(kind: str, wanted: dict[str, str]) -> tuple[str, ...]:
    return tuple(f'{name}="{value}"' for name, value in {"kind": kind, **wanted}.items())


def _used() -> str:
    """Return the traffic by the capacity, in the fuller direction."""
    parts = []
    for counter, direction in ((RECEIVE_BYTES, RECEIVE), (TRANSMIT_BYTES, TRANSMIT)):
        traffic = observed(f"rate({counter.name}[5m])", "uplink/interfaces")
        capacity = latest(select(CAPACITY, direction=direction), CLUSTER, LINE)
        share = f"sum by ({CLUSTER}, {LINE}) {traffic} / on ({CLUSTER}, {LINE}) {capacity}"
        parts.append(f'label_replace({share}, "direction", "{direction}", "", "")')
    return f"max by ({CLUSTER}, {LINE}) ({parts[0]} or {parts[1]})"


def _clock_ratio() -> str:
    return _peer_ratio(str(select(GPU_CLOCK, domain="sm")), "gpu/clocks")


def _tensor_ratio() -> str:
    return _peer_ratio(str(Series(GPU_TENSOR_ACTIVE.name, ('mig=""',))), "gpu/gpm")


def _domains() -> dict[str, str]:
    behind, domain = _behind(), by(CLUSTER, DOMAIN)
    down = f"count by ({by(CLUSTER, DOMAIN, NODE)}) ({behind} != {ACTIVE})"
    return {
        compared.DOMAIN_PORTS: f"count by ({domain}) ({behind})",
        compared.DOMAIN_NODES_DOWN: f"count by ({domain}) ({down})",
        compared.DOMAIN_ACTIVE: f"avg by ({domain}) ({behind} == bool {ACTIVE})",
    }


def _lines() -> dict[str, str]:
    line = by(CLUSTER, LINE)
    took = _probes(PROBE_ROUND_TRIP.name, statistic="median")
    return {
        compared.LINE_ANSWERING: f"avg by ({line}) ({_probes(PROBE_SUCCESS.name)})",
        compared.LINE_LOSS: f"avg by ({line}) ({_probes(PROBE_LOSS.name)})",
        compared.LINE_ROUND_TRIP: f"quantile by ({line}) (0.5, {took})",
        compared.LINE_USED: _used(),
    }


def subjects() -> dict[str, dict[str, str]]:
    """Return each recorded name and what is recorded under it, by subject: a file each."""
    return {
        "clocks": {compared.CLOCK_RATIO: _clock_ratio()},
        "tensors": {compared.TENSOR_RATIO: _tensor_ratio()},
        "fleet": {compared.CORRECTED_NORMAL: _corrected()},
        "domains": _domains(),
        "lines": _lines(),
    }


def files(alert: Alert) -> tuple[str, ...]:
    """Return the files that record what an alert reads."""
    made = subjects().items()
    return tuple(
        f"compared_{subject}" for subject, rules in made if any(n in alert.expr for n in rules)
    )


def groups(intervals: Intervals) -> dict[str, dict[str, Any]]:
    """Return the rule groups by their file's stem."""
    return {
        f"compared_{subject}": {
            "name": f"railwatch.compared.{subject}",
            "interval": duration(intervals.evaluation),
            "rules": [{"record": name, "expr": written(expr)} for name, expr in rules.items()],
        }
        for subject, rules in subjects().items()
    }
