"""What the alerts on other programs share: whom they are about, shares of failures, mean times.

Nobody has to run any of these programs. So each expression begins with series that only the program
itself exposes and compares what these say: where it is not deployed there is nothing to compare,
and no alert. What misses a program looks for what it said a while ago, and so knows that it is
there. Nothing acts on these alerts; they are for people.
"""

from datetime import timedelta

from alerts.devices import Device, Place
from alerts.model import At, Rising, Signal, Threshold
from alerts.promql import Series, by, duration, select
from catalog.foreign import Foreign
from catalog.labels import CLUSTER, INSTANCE, NAMESPACE, NODE

WINDOW = timedelta(minutes=15)
"""What rates and means are taken over: long enough for what happens a few times an hour."""

OWN_GUESS = "our own guess"

STATE, KUBELET = "kube-state-metrics", "kubelet"
"""The jobs of the two that every cluster has."""

GPU_RESOURCE = "nvidia_com_gpu"
"""nvidia.com/gpu as kube-state-metrics writes it."""


def about(
    title: str, job: str, first: Place, second: Place | None = None, *, also: Place | None = None
) -> Device:
    """Return what an alert is about: its labels are those of the first sample.

    `also` are labels that the series carry and the alert does not.
    """
    hidden = also or {}
    second = second or first
    return Device(
        identity="",
        keys=(),
        labels=tuple(first),
        title=title,
        job=job,
        samples=(first | hidden, second | hidden),
    )


def of_node(title: str, job: str, **more: str) -> Device:
    """Return something on a node; `more` are labels that tell several there apart."""
    first, second = ({NODE: node} | more for node in ("node-1", "node-2"))
    return about(title, job, first, second)


def of_instance(title: str, job: str, **more: str) -> Device:
    """Return one target of a program, whose scrape need not say on which node it runs."""
    first, second = ({INSTANCE: node} | more for node in ("node-1", "node-2"))
    made = about(title, job, first, second)
    samples = [place | {NODE: place[INSTANCE]} for place in made.samples]
    return Device(
        identity="",
        keys=(),
        labels=made.labels,
        title=title,
        job=job,
        samples=(samples[0], samples[1]),
    )


def of_namespace(title: str, job: str, **more: str) -> Device:
    """Return something in a namespace; its team is told."""
    first, second = ({NAMESPACE: name} | more for name in ("team-a", "team-b"))
    return about(title, job, first, second)


def whole(title: str, job: str) -> Device:
    """Return a program of which a cluster has one."""
    return about(title, job, {})


def part(metric: Foreign, suffix: str, **wanted: str | tuple[str, ...]) -> Series:
    """Return the series of a histogram's part: `_count`, `_sum` or `_bucket`."""
    found = select(metric, **wanted)
    return Series(f"{metric.name}{suffix}", found.matchers)


def summed(of: str, *names: str) -> str:
    """Return a sum for each combination of these labels, in each cluster."""
    return f"sum by ({by(CLUSTER, *names)}) ({of})"


def most(of: str | Series, *names: str) -> str:
    """Return the highest for each combination of these labels, in each cluster."""
    return f"max by ({by(CLUSTER, *names)}) ({of})"


def increase(series: Series, *names: str, over: timedelta = WINDOW) -> str:
    """Return by how much a counter rose."""
    return summed(f"increase({series}[{duration(over)}])", *names)


def rate(series: Series, *names: str, over: timedelta = WINDOW) -> str:
    """Return by how much a counter rises a second."""
    return summed(f"rate({series}[{duration(over)}])", *names)


def failing(failed: Series, every: str, *names: str) -> str:
    """Return that more than `$share` of something fails, and not just one of two.

    `every` is the rate of all of it.
    """
    return f"{rate(failed, *names)} / {every} > $share\nand\n{increase(failed, *names)} >= $fewest"


def failures(share: float, source: str = OWN_GUESS) -> tuple[Threshold, Threshold]:
    """Return the thresholds of `failing`."""
    return (
        Threshold(name="share", default=share, meaning="Share that fails.", source=source),
        Threshold(
            name="fewest",
            default=5,
            meaning=f"Failures within {duration(WINDOW)}.",
            source="our own guess: fewer are no share of anything",
        ),
    )


def failures_seen(failed: Series, every: Series) -> tuple[Signal, Signal]:
    """Return the signals of a scenario in which too much fails of one try a second."""
    return (
        Signal(series=every, healthy=Rising(rate=1.0)),
        Signal(
            series=failed,
            healthy=0,
            below=Rising(rate=At(threshold="share", times=0.8)),
            faulty=Rising(rate=At(threshold="share", times=3)),
        ),
    )


def slow(metric: Foreign, *names: str, **wanted: str | tuple[str, ...]) -> str:
    """Return that what a histogram times takes more than `$seconds` on average."""
    took, times = (rate(part(metric, each, **wanted), *names) for each in ("_sum", "_count"))
    return f"{took} / ({times} > 0) > $seconds"


def slow_seen(metric: Foreign, **wanted: str) -> tuple[Signal, Signal]:
    """Return the signals of a scenario in which it takes too long, once a second."""
    return (
        Signal(series=part(metric, "_count", **wanted), healthy=Rising(rate=1.0)),
        Signal(
            series=part(metric, "_sum", **wanted),
            healthy=Rising(rate=At(threshold="seconds", times=0.1)),
            below=Rising(rate=At(threshold="seconds", times=0.9)),
            faulty=Rising(rate=At(threshold="seconds", times=2)),
        ),
    )


def seconds(default: float, source: str = OWN_GUESS) -> Threshold:
    """Return the threshold of `slow`."""
    return Threshold(name="seconds", default=default, meaning="Seconds, on average.", source=source)
