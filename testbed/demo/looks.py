"""What the hops are known by: each look says what it saw, or None while there is nothing to see."""

from collections.abc import Set as AbstractSet

from catalog.conditions import GPU_UNAVAILABLE
from catalog.scheduler import GPU_WITHHELD
from catalog.wire import DEVICES, PREFIX, key, parse_devices
from testbed.demo.screen import HopMissing
from testbed.demo.site import Site
from testbed.http import Client


def all_observed(site: Site) -> str | None:
    """Say that the bridge has seen every host and found nothing."""
    kind = GPU_UNAVAILABLE.type
    ready = [node for node in site.hosts if site.view.condition(node, kind)[0] == "False"]
    return f"{kind}=False on {len(ready)} nodes" if len(ready) == len(site.hosts) else None


def firing(site: Site, alert: str, **labels: str) -> str | None:
    """Say that Prometheus has an alert with these labels, no longer pending."""
    told = {"alertname": alert, "alertstate": "firing", **labels}
    matchers = ",".join(f'{name}="{value}"' for name, value in told.items())
    return (
        f"{alert} on {labels['node']}" if site.prometheus.query(f"ALERTS{{{matchers}}}") else None
    )


def condition(site: Site, node: str, kind: str, wanted: str, why: str = "") -> str | None:
    """Say that a condition has a status, and if asked for, for this reason."""
    status, reason = site.view.condition(node, kind)
    return f"{kind}={status} ({reason})" if status == wanted and why in ("", reason) else None


def tainted(site: Site, node: str) -> str | None:
    """Say which taints a node has, once the bridge tells of the fault behind them too."""
    taints = site.view.taints(node, PREFIX)
    faults = parse_devices(site.view.annotation(node, key(DEVICES)))
    applied = any(fault.action == "applied" for fault in faults)
    return ", ".join(taints) if taints and applied else None


def withheld(site: Site, kind: str) -> str | None:
    """Say how many GPUs the scheduler knows that nobody is to have, for a condition."""
    told = Client(site.urls["scheduler"]).request("GET", "").text
    sample = f'{GPU_WITHHELD.name}{{condition="{kind}"}} '
    values = [line.removeprefix(sample) for line in told.splitlines() if line.startswith(sample)]
    return f"{float(values[0]):g} GPUs" if values and float(values[0]) else None


def running(site: Site, app: str, ranks: int, off: AbstractSet[str]) -> str | None:
    """Say where all ranks of a workload run; HopMissing where one runs where it must not."""
    pods = [pod for pod in site.view.pods(app) if pod.running]
    if wrong := sorted(pod.node for pod in pods if pod.node in off):
        raise HopMissing(f"{app} runs on {', '.join(wrong)}")
    return "on " + ", ".join(sorted(pod.node for pod in pods)) if len(pods) == ranks else None
