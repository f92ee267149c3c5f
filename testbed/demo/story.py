"""The demo's three acts: a fault, a blind exporter, a repair."""

from collections.abc import Callable

from catalog.conditions import GPU_UNAVAILABLE
from catalog.faults import GPU_FELL_OFF_BUS
from catalog.gpu import GPU_STATE
from catalog.wire import DEVICES, PREFIX, key, parse_devices
from testbed.demo.screen import HopMissing, Screen
from testbed.demo.site import Site
from testbed.demo.view import Pod

APP = "train"
REPLICAS = 4
GPU = 3

FAULT = "Act 1: a GPU falls off the bus"
BLIND = "Act 2: an exporter dies"
REPAIR = "Act 3: the host is repaired"


def prologue(site: Site, screen: Screen) -> None:
    """Wait until every host is observed and the workload runs."""
    screen.act("Prologue: six hosts of eight GPUs, and a job of four ranks with eight GPUs each")
    screen.wait_for("every host observed", lambda: _all_observed(site), within=60)
    site.view.create_workload(APP, REPLICAS, gpus=8)
    screen.wait_for("job placed by railwatch", lambda: _spread(site, REPLICAS), within=30)


def fault(site: Site, screen: Screen) -> str:
    """Break a GPU under a running rank and follow it; return the node's name."""
    victim = min((pod for pod in site.view.pods(APP)), key=lambda pod: pod.node)
    node, uuid = victim.node, site.hosts[victim.node].nvml.uuid(GPU)
    screen.act(FAULT)
    screen.note(f"Xid 79 on GPU {GPU} of {node}, under the rank {victim.name}")
    site.hosts[node].lose(GPU)
    hops: list[tuple[str, Callable[[], str | None], float]] = [
        ("series in Prometheus", lambda: _lost(site, node, uuid), 30),
        ("alert firing", lambda: _firing(site, node, uuid), 30),
        ("condition on the node", lambda: _condition(site, node, "True"), 30),
        ("taint on the node", lambda: _tainted(site, node), 30),
        ("rank evicted", lambda: _evicted(site, victim), 30),
        ("rank runs elsewhere", lambda: _elsewhere(site, node), 60),
    ]
    for name, look, within in hops:
        screen.wait_for(name, look, within)
    return node


def blind(site: Site, screen: Screen, faulty: str) -> None:
    """Kill the exporter of another host: the bridge must say Unknown and touch nothing."""
    node = max(pod.node for pod in site.view.pods(APP) if pod.node != faulty)
    before = {pod.uid for pod in site.view.pods(APP)}
    screen.act(BLIND)
    screen.note(f"SIGKILL to the exporter of {node}")
    site.hosts[node].stop_exporter()
    screen.wait_for("condition Unknown", lambda: _condition(site, node, "Unknown"), within=60)
    if taints := site.view.taints(node, PREFIX):
        raise HopMissing(f"{BLIND}: {node} was tainted for being blind: {', '.join(taints)}")
    if before != {pod.uid for pod in site.view.pods(APP)}:
        raise HopMissing(f"{BLIND}: pods moved although nothing was known to be broken")
    screen.note("no taint, no eviction: what cannot be seen is not acted on")
    site.hosts[node].start_exporter()
    screen.wait_for("seen again", lambda: _condition(site, node, "False"), within=60)


def repair(site: Site, screen: Screen, node: str) -> None:
    """Reboot the broken host and follow its way back to work."""
    screen.act(REPAIR)
    screen.note(f"{node} reboots with a new boot id and eight healthy GPUs")
    site.hosts[node].reboot()
    site.cluster.set_boot_id(node, site.hosts[node].boot_id)
    screen.wait_for("alert resolved", lambda: _resolved(site, node), within=60)
    status, _ = site.view.condition(node, GPU_UNAVAILABLE.type)
    if status != "True":
        raise HopMissing(f"{REPAIR}: the condition was {status} before anything was proven")
    screen.wait_for("proof held for the soak", lambda: _condition(site, node, "False"), within=120)
    screen.wait_for("taint gone", lambda: _untainted(site, node), within=30)
    site.view.scale(APP, len(site.hosts))
    screen.wait_for("node used again", lambda: _used(site, node), within=60)


def _all_observed(site: Site) -> str | None:
    ready = [
        node for node in site.hosts if site.view.condition(node, GPU_UNAVAILABLE.type)[0] == "False"
    ]
    return (
        f"{GPU_UNAVAILABLE.type}=False on {len(ready)} nodes"
        if len(ready) == len(site.hosts)
        else None
    )


def _spread(site: Site, wanted: int) -> str | None:
    pods = [pod for pod in site.view.pods(APP) if pod.running]
    return "on " + ", ".join(sorted(pod.node for pod in pods)) if len(pods) == wanted else None


def _lost(site: Site, node: str, uuid: str) -> str | None:
    query = f'{GPU_STATE.name}{{node="{node}",uuid="{uuid}",state="lost"}} == 1'
    return f"{GPU_STATE.name}{{state=lost}} = 1" if site.prometheus.query(query) else None


def _firing(site: Site, node: str, uuid: str) -> str | None:
    query = (
        f'ALERTS{{alertname="{GPU_FELL_OFF_BUS.name}",alertstate="firing",'
        f'node="{node}",uuid="{uuid}"}}'
    )
    return f"{GPU_FELL_OFF_BUS.name} on {node}" if site.prometheus.query(query) else None


def _resolved(site: Site, node: str) -> str | None:
    query = f'ALERTS{{alertname="{GPU_FELL_OFF_BUS.name}",node="{node}"}}'
    return None if site.prometheus.query(query) else "which proves nothing yet"


def _condition(site: Site, node: str, wanted: str) -> str | None:
    status, reason = site.view.condition(node, GPU_UNAVAILABLE.type)
    return f"{GPU_UNAVAILABLE.type}={status} ({reason})" if status == wanted else None


def _tainted(site: Site, node: str) -> str | None:
    taints = site.view.taints(node, PREFIX)
    faults = parse_devices(site.view.annotation(node, key(DEVICES)))
    applied = any(fault.action == "applied" for fault in faults)
    return ", ".join(taints) if taints and applied else None


def _untainted(site: Site, node: str) -> str | None:
    return f"{node} is clean" if not site.view.taints(node, PREFIX) else None


def _evicted(site: Site, victim: Pod) -> str | None:
    gone = victim.uid not in {pod.uid for pod in site.view.pods(APP)}
    return f"{victim.name} through the Eviction API" if gone else None


def _elsewhere(site: Site, node: str) -> str | None:
    pods = [pod for pod in site.view.pods(APP) if pod.running]
    if len(pods) < REPLICAS or any(pod.node == node for pod in pods):
        return None
    return "on " + ", ".join(sorted(pod.node for pod in pods))


def _used(site: Site, node: str) -> str | None:
    pods = [pod for pod in site.view.pods(APP) if pod.running and pod.node == node]
    return f"{pods[0].name} runs on {node}" if pods else None
