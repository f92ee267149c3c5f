"""kube-state-metrics was there and is no more."""

from datetime import timedelta

from alerts.model import Alert, Moment, Scenario, Signal, Threshold
from alerts.neighbouring import STATE, whole
from alerts.promql import Series
from catalog.labels import CLUSTER
from catalog.neighbours_nodes import NODE_INFO

NODES = Series(NODE_INFO.name)
DEVICE = whole("kube-state-metrics", STATE)

ALERT = Alert(
    name="KubeStateMetricsGone",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        group by ({CLUSTER}) (max_over_time({NODES}[$memory]))
        unless on ({CLUSTER}) {NODES}
        """,
    hold=timedelta(minutes=15),
    severity="warning",
    summary="kube-state-metrics is gone",
    description=(
        "Nodes were told by kube-state-metrics within $memory and are not any more. Look at its "
        "pod and at whether its target is scraped. Until it is back nobody is told of pods that "
        "wait, images that cannot be pulled, or GPUs that nodes do not give."
    ),
    why="The alerts that read it are silent, and cost and workload panels are empty.",
    first_step="Look at its target in Prometheus.",
    thresholds=(
        Threshold(
            name="memory",
            default=timedelta(hours=3),
            meaning="How long it is missed.",
            source="our own guess",
        ),
    ),
    scenarios=(
        Scenario(
            name="it is scaled to none",
            signals=(
                Signal(
                    series=Series(NODES.metric, ('node="gpu-9"',)),
                    healthy=1,
                    faulty=Moment.GONE,
                ),
            ),
        ),
    ),
)
