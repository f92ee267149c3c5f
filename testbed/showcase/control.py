"""What fires in the story, what the bridge makes of it, and what the scheduler sees."""

from collections.abc import Iterator

from catalog import bridge, scheduler, scheduler_queue
from catalog.events import EVENT_RESULTS
from testbed.showcase.devices import DRAINED_AT, HOT, LOST, LOST_AT, NODES
from testbed.showcase.network import DIRTY, FLAPPING
from testbed.showcase.samples import Sample, after, grown, histogram, sample, states, wave

ALERTS = (
    (
        ("GpuFellOffBus", "critical", "GpuUnavailable", "drain"),
        {"node": LOST[0], "gpu": str(LOST[1]), "uuid": f"GPU-{LOST[0]}-{LOST[1]}"},
        (LOST_AT, 99.0),
    ),
    (
        ("GpuThermalThrottle", "warning", "GpuDegraded", "avoid"),
        {"node": HOT[0], "gpu": str(HOT[1]), "uuid": f"GPU-{HOT[0]}-{HOT[1]}"},
        (3.1, 99.0),
    ),
    (
        ("RdmaLinkFlapping", "warning", "RdmaLinkDegraded", "avoid"),
        {"node": FLAPPING[0], "device": FLAPPING[1], "port": "1"},
        (6.0, 99.0),
    ),
    (
        ("RdmaBitErrors", "warning", "RdmaLinkDegraded", "avoid"),
        {"node": DIRTY[0], "device": DIRTY[1], "port": "1"},
        (1.0, 99.0),
    ),
    (("ExporterDown", "warning", "", ""), {"node": NODES[-1]}, (7.1, 99.0)),
)
"""Each alert's name, severity, condition and verdict, its place, and from when to when it fires."""


def samples(at: float) -> Iterator[Sample]:
    """Yield everything of Prometheus' own alerts, the bridge and the scheduler."""
    for (name, severity, condition, verdict), place, (start, end) in ALERTS:
        if after(at, start, end):
            labels = {"alertname": name, "severity": severity, **place}
            labels |= {"condition": condition, "verdict": verdict}
            yield Sample("ALERTS", {**labels, "alertstate": "firing"}, 1)
            yield Sample("ALERTS_FOR_STATE", labels, start * 3600)
    yield from _bridge(at)
    yield from _scheduler(at)
    yield from _queues(at)


def _bridge(at: float) -> Iterator[Sample]:
    yield sample(bridge.BUILD_INFO, 1, version="0.9.0")
    yield sample(bridge.LEADER, 1)
    yield sample(bridge.PAUSED, 0)
    yield sample(bridge.CYCLE_TIMESTAMP, at - 3)
    yield sample(bridge.SUSPECTED, float(after(at, 4.45, 4.5)))
    yield sample(bridge.INTOLERANT_DAEMON_SETS, 0)
    for source, kind in (("prometheus:9090", "prometheus"), ("alertmanager:9093", "alertmanager")):
        yield sample(bridge.SOURCE_UP, 1, source=source, kind=kind)
        yield sample(bridge.SOURCE_ERRORS, 0, source=source, kind=kind)
    for kind in ("set_annotation", "set_condition", "set_taint"):
        steps = sum(after(at, start) for _, _, (start, _) in ALERTS[:4])
        yield sample(bridge.STEPS, float(steps), kind=kind)
    yield from _habits(at)
    yield from histogram(bridge.CYCLE_DURATION, at, typical=0.18, a_second=0.2)
    for hop, typical in zip(bridge.HOPS, (6.0, 0.2, 0.03, 0.04, 6.4), strict=True):
        yield from histogram(bridge.FAULT_LATENCY, at, typical=typical, a_second=0.01, hop=hop)
    yield from _faults(at)
    yield from _budget(at)
    leases = {"gpu-11": 9 * 86_400, "gpu-12": 16 * 86_400, "gpu-10": 40 * 86_400}
    for node, left in leases.items():
        yield sample(bridge.LEASE_END_TIMESTAMP, left, node=node)


def _habits(at: float) -> Iterator[Sample]:
    for kind in bridge.API_ERRORS:
        yield sample(bridge.API_FAILURES, 0, kind=kind)
    yield sample(bridge.CYCLE_FAILURES, 0, kind="sources")
    for result in bridge.WEBHOOK_RESULTS:
        count = round(grown("hooks", at, 0.002)) if result == "queued" else 0
        yield sample(bridge.WEBHOOKS, count, result=result)
    for result in bridge.LOG_RESULTS:
        count = round(grown("log", at, 0.1)) if result == "written" else 0
        yield sample(bridge.DECISION_LOG_LINES, count, result=result)
    for result in EVENT_RESULTS:
        yield sample(bridge.EVENTS, round(grown(result, at, 0.001)), result=result)
    for reason in bridge.SKIP_REASONS:
        yield sample(bridge.ALERTS_SKIPPED, 0, reason=reason)


def _faults(at: float) -> Iterator[Sample]:
    for (_, _, condition, verdict), _, (start, end) in ALERTS[:4]:
        firing = after(at, start, end)
        withheld = verdict == "drain" and not after(at, DRAINED_AT)
        action = "withheld" if withheld else "applied"
        open_fault = {"condition": condition, "verdict": verdict, "action": action}
        if firing:
            yield sample(bridge.FAULTS, 1, **open_fault)
            yield sample(bridge.FAULT_STATE, 1, condition=condition, state="active")
    yield sample(bridge.SHADOW_TAINTS, 1, condition="RdmaLinkDown", verdict="cordon")
    faulty = len({place["node"] for _, place, span in ALERTS[:4] if after(at, *span)})
    for state, count in (("managed", 12), ("faulty", faulty), ("blind", after(at, 7.2))):
        yield sample(bridge.NODES, float(count), state=state)


def _budget(at: float) -> Iterator[Sample]:
    used = float(after(at, DRAINED_AT))
    held = float(after(at, LOST_AT, DRAINED_AT))
    for budget, size in (("fleet", 2), ("avoid", 4), ("rate", 1)):
        yield sample(bridge.BUDGET_SIZE, size, budget=budget)
        spent = used if budget == "fleet" else 3.0 * (budget == "avoid" and at > 6 * 3600)
        yield sample(bridge.BUDGET_USED, spent, budget=budget)
        yield sample(bridge.BUDGET_WITHHELD, held * (budget == "rate"), budget=budget)
    for by in bridge.WITHHOLDERS:
        yield sample(bridge.WITHHELD_FAULTS, held * (by == "rate"), by=by)


def _scheduler(at: float) -> Iterator[Sample]:
    drained = after(at, DRAINED_AT)
    yield sample(scheduler.BUILD_INFO, 1, version="0.9.0")
    yield sample(scheduler.CACHE_NODES, 12)
    yield sample(scheduler.CACHE_FRESH, 1)
    yield sample(scheduler.CACHE_AGE, wave("cache", at, 0.2, 4))
    yield sample(scheduler.GPU_IDLE, 25 - 8 * drained)
    yield sample(scheduler.GPU_IDLE_BROKEN, 13)
    yield sample(scheduler.GANG_KEPT, float(after(at, 5, 6)))
    for tier, nodes in (("tier-0", 1), ("tier-1", 1), ("tier-2", 2 - drained)):
        yield sample(scheduler.LARGEST_GANG, float(nodes), tier=tier)
    for reason in scheduler.GANG_REASONS:
        waits = {"no_room": 1 + after(at, DRAINED_AT), "draining": after(at, 4.75, 5)}
        yield sample(scheduler.GANGS_WAITING, float(waits.get(reason, 0)), reason=reason)
    yield sample(scheduler.GPU_WITHHELD, 8.0 * drained, condition="GpuUnavailable")
    for result in scheduler.GANG_RESULTS:
        count = 6.0 * (at > 5 * 3600) if result == "placed" else 0.0
        yield sample(scheduler.GANG_PODS, count, result=result)
    for verb in scheduler.VERBS:
        yield sample(scheduler.UNCHECKED, 0, verb=verb)
        count = round(grown(verb, at, 0.7))
        yield sample(scheduler.REQUESTS, count, verb=verb, code="200")
        yield from histogram(scheduler.REQUEST_DURATION, at, typical=0.004, a_second=0.7, verb=verb)
    yield sample(scheduler.REFUSALS, 9.0 * drained, condition="GpuUnavailable")
    yield sample(scheduler.WATCH_FAILURES, 0, reason="gone")
    yield from _drain(at)


def _drain(at: float) -> Iterator[Sample]:
    moving = after(at, DRAINED_AT, 5)
    node = "draining" if moving else "drained"
    for each in states(scheduler.DRAIN_NODES, node if after(at, DRAINED_AT) else ""):
        yield each
    for each in states(scheduler.DRAIN_PODS, "checkpoint" if moving else ""):
        yield each
    for result in scheduler.EVICTION_RESULTS:
        count = 6.0 * after(at, 4.9) if result == "evicted" else 0.0
        yield sample(scheduler.EVICTIONS, count, result=result)


def _queues(at: float) -> Iterator[Sample]:
    for queue, guaranteed, used in (
        ("research", 48, 48 - 8 * after(at, DRAINED_AT, 5)),
        ("vision", 16, 16),
        ("serving", 16, 8),
    ):
        me = {"kind": "railwatch", "queue": queue, "resource": "nvidia.com/gpu"}
        yield sample(scheduler_queue.QUEUE_GUARANTEED, guaranteed, **me)
        yield sample(scheduler_queue.QUEUE_USED, used, **me)
        yield sample(scheduler_queue.QUEUE_BORROWED, max(0, used - guaranteed), **me)
        yield sample(scheduler_queue.QUEUE_LIMIT, guaranteed * 1.5, **me)
    waiting = {"kind": "railwatch", "queue": "vision", "reason": "no_room"}
    yield sample(scheduler_queue.QUEUE_WAITING, 1 + float(after(at, 5)), **waiting)
    yield sample(scheduler_queue.RECLAIMS, 0, result="evicted")
