"""Who else queues work in the story: teams in Kueue, in Volcano, and gangs of kube-scheduler."""

from collections.abc import Iterator

from catalog import neighbours_jobs as jobs
from catalog import neighbours_nodes as nodes
from catalog import neighbours_shown as shown
from testbed.showcase.devices import DRAINED_AT, JOBS, job_of
from testbed.showcase.samples import Sample, after, bucketed, grown, sample, wave

_STATUSES = ("pending", "active", "terminating")
_WAITS = tuple(2.5 * 2**power for power in range(13))
_PLACING = tuple(32.0 * 2**power for power in range(10))
_ATTEMPT = tuple(0.001 * 2**power for power in range(15))
GPU = "nvidia.com/gpu"


def samples(at: float) -> Iterator[Sample]:
    """Yield everything of Kueue, Volcano and kube-scheduler."""
    yield from _kueue(at)
    yield from _volcano(at)
    yield from _scheduler(at)
    yield from _pods(at)


def _kueue(at: float) -> Iterator[Sample]:
    for queue, quota, used, status in (
        ("research", 48, 48 - 8 * after(at, DRAINED_AT, 5), "active"),
        ("vision", 16, 16 + 4 * after(at, 2, 4), "active"),
        ("old-team", 8, 0, "pending"),
    ):
        me = {"cluster_queue": queue}
        for each in _STATUSES:
            yield sample(jobs.KUEUE_STATUS, float(each == status), **me, status=each)
        waiting = {"active": 1.0 + after(at, 5), "inadmissible": 2.0 * after(at, 3)}
        for each, count in waiting.items():
            yield sample(jobs.KUEUE_PENDING, count * (queue != "old-team"), **me, status=each)
        quotas = me | {"cohort": "all", "flavor": "h100", "resource": GPU}
        yield sample(jobs.KUEUE_QUOTA, quota, **quotas)
        yield sample(jobs.KUEUE_USED, used, **quotas)
        if status == "active":
            yield sample(jobs.KUEUE_ADMITTED, round(grown(f"in{queue}", at, 0.004)), **me)
            evicted = round(grown(f"out{queue}", at, 0.0007))
            yield sample(shown.KUEUE_EVICTED, evicted, **me, reason="Preempted")
            wait = 45.0 if queue == "vision" else 240.0
            yield from bucketed(shown.KUEUE_WAIT, at, _WAITS, typical=wait, a_second=0.02, **me)


def _volcano(at: float) -> Iterator[Sample]:
    for queue, deserved, allocated, groups in (
        ("batch", 24_000, 24_000 - 8_000 * after(at, 3.5, 6), (after(at, 3.5, 6) * 2.0, 1.0, 3.0)),
        ("default", 8_000, 8_000, (0.0, 0.0, 2.0)),
    ):
        me = {"queue_name": queue}
        yield sample(jobs.VOLCANO_DESERVED, deserved, **me, resource=GPU)
        yield sample(jobs.VOLCANO_ALLOCATED, allocated, **me, resource=GPU)
        states = (jobs.VOLCANO_PENDING, shown.VOLCANO_INQUEUE, shown.VOLCANO_RUNNING)
        for metric, count in zip(states, groups, strict=True):
            yield sample(metric, count, **me)
    yield sample(shown.VOLCANO_UNPLACED, 2.0 * after(at, 3.5, 6))
    yield from bucketed(shown.VOLCANO_LATENCY, at, _PLACING, typical=400.0, a_second=0.02)


def _scheduler(at: float) -> Iterator[Sample]:
    waiting = {
        "active": 0.0,
        "backoff": float(after(at, 5)),
        "unschedulable": 8.0 * after(at, 5),
        "gated": 4.0 + round(wave("gated", at, 0, 6)),
    }
    for queue, count in waiting.items():
        yield sample(shown.SCHEDULER_PENDING, count, queue=queue)
    for result, rate in (("scheduled", 0.003), ("unschedulable", 0.006)):
        attempt = {"result": result, "profile": "default-scheduler"}
        tried = round(grown(result, at, rate))
        yield sample(shown.POD_GROUP_ATTEMPTS, tried, **attempt)
        yield from bucketed(
            shown.POD_GROUP_DURATION, at, _ATTEMPT, typical=0.05, a_second=rate, **attempt
        )


def _pods(at: float) -> Iterator[Sample]:
    """Yield what pods ask for: the jobs', and from the fifth hour on two without a place."""
    placed = (
        (job.namespace, job.pod(node), node, job.gpus)
        for job in JOBS
        for node in job.nodes
        if job_of(node, 0, at) == job
    )
    placeless = [("vision", f"tuner-{number}", "", 4) for number in range(2) if after(at, 5)]
    for namespace, pod, node, gpus in (*placed, *placeless):
        asks = {"namespace": namespace, "pod": pod, "uid": pod, "container": "main", "node": node}
        resource = {"resource": "nvidia_com_gpu", "unit": "integer"}
        yield sample(nodes.POD_REQUESTS, gpus, **asks, **resource)
    for namespace, pod, _, _ in placeless:
        yield sample(nodes.POD_UNSCHEDULABLE, 1, namespace=namespace, pod=pod, uid=pod)
