"""The demo's four acts: a degraded link, a fatal fault, a blind exporter, a repair."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from catalog.conditions import GPU_UNAVAILABLE, RDMA_LINK_DEGRADED
from catalog.faults import GPU_FELL_OFF_BUS
from catalog.gpu import GPU_STATE
from catalog.wire import PREFIX
from testbed.demo.hosts import GPUS
from testbed.demo.looks import all_observed, condition, firing, running, tainted
from testbed.demo.screen import HopMissing, Screen
from testbed.demo.site import Site

APP, NEXT = "train", "next"
RANKS = 4
GPU = 3
PORT, FLAPS = 2, 4

DEGRADED = "Act 1: a link flaps"
FAULT = "Act 2: a GPU falls off the bus"
BLIND = "Act 3: an exporter dies"
REPAIR = "Act 4: the host is repaired"


def prologue(site: Site, screen: Screen) -> None:
    """Wait until every host is observed."""
    screen.act("Prologue: six hosts of eight GPUs and eight RDMA ports each")
    screen.wait_for("every host observed", lambda: all_observed(site), within=60)


def degraded(site: Site, screen: Screen) -> str:
    """Let a link flap, then start a job: it keeps off that host; return the host's name."""
    node = min(site.hosts)
    screen.act(DEGRADED)
    device = site.hosts[node].flap(PORT, FLAPS)
    screen.note(f"{device} of {node} loses its link {FLAPS} times")
    screen.wait_for("degraded host to be avoided", lambda: _avoided(site, node), within=60)
    screen.note(f"a job starts: {RANKS} ranks with {GPUS} GPUs each, all of them or none")
    site.view.start_job(APP, RANKS, gpus=GPUS)
    screen.wait_for(
        "job placed off that host", lambda: running(site, APP, RANKS, {node}), within=30
    )
    return node


def fault(site: Site, screen: Screen, avoided: str) -> str:
    """Break a GPU under a running rank and follow it; return the node's name."""
    victim = min((pod for pod in site.view.pods(APP)), key=lambda pod: pod.node)
    old = {pod.uid for pod in site.view.pods(APP)}
    node, uuid = victim.node, site.hosts[victim.node].nvml.uuid(GPU)
    alert = GPU_FELL_OFF_BUS.name
    screen.act(FAULT)
    screen.note(f"Xid 79 on GPU {GPU} of {node}, under the rank {victim.name}")
    site.hosts[node].lose(GPU)
    hops: list[tuple[str, Callable[[], str | None], float]] = [
        ("series in Prometheus", lambda: _lost(site, node, uuid), 30),
        ("alert firing", lambda: firing(site, alert, node=node, uuid=uuid), 30),
        ("condition on the node", lambda: _condition(site, node, "True"), 30),
        ("taint on the node", lambda: tainted(site, node), 30),
        ("gang leaves as a whole", lambda: _left(site, old), 30),
        ("gang runs elsewhere", lambda: running(site, APP, RANKS, {node, avoided}), 60),
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
    screen.note("a second job starts: one rank, on the repaired host rather than the degraded one")
    site.view.start_job(NEXT, 1, gpus=GPUS)
    screen.wait_for("node used again", lambda: _used(site, node), within=60)


def _avoided(site: Site, node: str) -> str | None:
    taints = site.view.taints(node, PREFIX)
    return taints[0] if any(RDMA_LINK_DEGRADED.taint in taint for taint in taints) else None


def _lost(site: Site, node: str, uuid: str) -> str | None:
    query = f'{GPU_STATE.name}{{node="{node}",uuid="{uuid}",state="lost"}} == 1'
    return f"{GPU_STATE.name}{{state=lost}} = 1" if site.prometheus.query(query) else None


def _resolved(site: Site, node: str) -> str | None:
    query = f'ALERTS{{alertname="{GPU_FELL_OFF_BUS.name}",node="{node}"}}'
    return None if site.prometheus.query(query) else "which proves nothing yet"


def _condition(site: Site, node: str, wanted: str) -> str | None:
    return condition(site, node, GPU_UNAVAILABLE.type, wanted)


def _untainted(site: Site, node: str) -> str | None:
    return f"{node} is clean" if not site.view.taints(node, PREFIX) else None


def _left(site: Site, old: AbstractSet[str]) -> str | None:
    """Say that all old ranks are gone; some and not others is waited for, briefly."""
    left = old & {pod.uid for pod in site.view.pods(APP)}
    return f"{len(old)} of {len(old)} ranks" if not left else None


def _used(site: Site, node: str) -> str | None:
    pods = [pod for pod in site.view.pods(NEXT) if pod.running and pod.node == node]
    return f"{pods[0].name} runs on {node}" if pods else None
