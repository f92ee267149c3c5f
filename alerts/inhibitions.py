"""What keeps alerts from people because a graver one of the same place says all there is to say.

All of it is by node, device or place: hardware has no namespace. The chain is: node down, exporter
down, fabric, link, straggler; and of one device the graver verdict before the lesser. Alertmanager
goes on telling the bridge of inhibited alerts, which reads them from its API.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from alerts.discovery import all_alerts, by_family
from alerts.model import Alert
from alerts.platform.bridge_down import ALERT as BRIDGE_DOWN
from alerts.platform.collector_failing import ALERT as COLLECTOR_FAILING
from alerts.platform.exporter_down import ALERT as EXPORTER_DOWN
from alerts.platform.scheduler_down import ALERT as SCHEDULER_DOWN
from alerts.platform.telemetry_stale import ALERT as TELEMETRY_STALE
from alerts.rdma.rdma_port_behind_fault import ALERT as BEHIND_FAULT
from catalog import labels
from catalog.conditions import (
    GPU_INTERCONNECT_FAULT,
    RDMA_CONGESTED,
    RDMA_LINK_DEGRADED,
    RDMA_LINK_DOWN,
)
from catalog.faults import GPU_CLOCK_LOW, GPU_FABRIC_MANAGER_DOWN, GPU_STRAGGLER, NVSWITCH_FATAL
from catalog.verdicts import Verdict

NODE_DOWN = ("KubeNodeNotReady", "KubeNodeUnreachable")
"""kubernetes-mixin's alerts, which kube-prometheus and its chart install; both carry `node`."""

SAME_DEVICE = [
    labels.CLUSTER,
    labels.DOMAIN,
    labels.LINE,
    labels.NODE,
    labels.UUID,
    labels.GUID,
]
"""Every label that names a place: those that both sides lack count as equal."""

SAME_NODE = [labels.CLUSTER, labels.NODE]
SAME_PORT = [*SAME_NODE, labels.DEVICE, labels.PORT]

_LINKS = (RDMA_LINK_DOWN.type, RDMA_LINK_DEGRADED.type, RDMA_CONGESTED.type)
_NVLINK = (GPU_FABRIC_MANAGER_DOWN.name, NVSWITCH_FATAL.name)
_SLOW = (GPU_STRAGGLER.name, GPU_CLOCK_LOW.name)


def rules() -> list[dict[str, Any]]:
    """Return Alertmanager's inhibit_rules."""
    return [*_verdicts(), *_chain(), *_programs()]


def _verdicts() -> Iterator[dict[str, Any]]:
    """Yield the rules by which a device's gravest fault silences its lesser ones."""
    gravest_first = [verdict.label for verdict in sorted(Verdict, reverse=True)]
    for place, verdict in enumerate(gravest_first[:-1]):
        lesser = gravest_first[place + 1 :]
        yield _rule([_of(labels.VERDICT, verdict)], [_of(labels.VERDICT, *lesser)], SAME_DEVICE)


def _chain() -> Iterator[dict[str, Any]]:
    """Yield the rules from the node down to the straggler."""
    condition = labels.CONDITION
    on_nodes = [alert.name for alert in all_alerts() if labels.NODE in alert.device.labels]
    blind = [COLLECTOR_FAILING.name, TELEMETRY_STALE.name]
    below_exporter = [_named(*blind), [_of(condition, *_LINKS)], [_of(condition, _INTERCONNECT)]]
    yield _rule(_named(*NODE_DOWN), _named(*on_nodes), SAME_NODE)
    for target in (*below_exporter, _named(*_SLOW)):
        yield _rule(_named(EXPORTER_DOWN.name), target, SAME_NODE)
    yield _rule(_named(BEHIND_FAULT.name), [_of(condition, *_LINKS)], SAME_PORT)
    lesser = [*_named_not(*_NVLINK), _of(condition, _INTERCONNECT)]
    yield _rule(_named(*_NVLINK), lesser, SAME_NODE)
    for source in (_LINKS[0], _INTERCONNECT):
        yield _rule([_of(condition, source)], _named(*_SLOW), SAME_NODE)


_INTERCONNECT = GPU_INTERCONNECT_FAULT.type


def _programs() -> Iterator[dict[str, Any]]:
    """Yield the rules by which a program that is down silences what it last said of itself."""
    for down in (BRIDGE_DOWN, SCHEDULER_DOWN):
        others = [each.name for each in _of_program(down) if each is not down]
        yield _rule(_named(down.name), _named(*others), [labels.CLUSTER])


def _of_program(down: Alert) -> Sequence[Alert]:
    return [each for each in by_family()["platform"] if each.device.job == down.device.job]


def _rule(source: list[str], target: list[str], equal: list[str]) -> dict[str, Any]:
    return {"source_matchers": source, "target_matchers": target, "equal": equal}


def _of(label: str, *values: str) -> str:
    return f'{label}="{values[0]}"' if len(values) == 1 else f'{label}=~"{"|".join(values)}"'


def _named(*names: str) -> list[str]:
    return [_of("alertname", *names)]


def _named_not(*names: str) -> list[str]:
    return [f'alertname!~"{"|".join(names)}"']
