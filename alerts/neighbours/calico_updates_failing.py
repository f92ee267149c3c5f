"""Calico fails to write a node's network."""

from alerts.devices import shown
from alerts.model import Alert, At, Rising, Scenario, Signal, Threshold
from alerts.neighbouring import WINDOW, increase, of_instance
from alerts.promql import Series
from catalog.labels import INSTANCE
from catalog.neighbours import CALICO_FAILURES

FAILED = Series(CALICO_FAILURES.name)
DEVICE = of_instance(f"Calico on {shown(INSTANCE)}", "calico")

ALERT = Alert(
    name="CalicoUpdatesFailing",
    device=DEVICE,
    needs_fleet=True,
    expr=f"{increase(FAILED, INSTANCE)} >= $times",
    notices=WINDOW,
    severity="warning",
    summary=f"{DEVICE.title} cannot write the node's network",
    description=(
        f"{DEVICE.title} failed $times times or more within a quarter of an hour to write routes "
        "or rules. Pods that start there get no network, and policies are old. Read felix's log: "
        "a rule that another program holds, or a kernel module that is missing."
    ),
    why="New pods on the node have no network.",
    first_step="Read the log of calico-node on the node.",
    thresholds=(
        Threshold(
            name="times",
            default=5,
            meaning="Failures within a quarter of an hour.",
            source="our own guess: one now and then is tried again and succeeds",
        ),
    ),
    scenarios=(
        Scenario(
            name="another program holds the rules",
            signals=(
                Signal(
                    series=FAILED,
                    healthy=0,
                    below=Rising(rate=At(threshold="times", times=0.7 / 900)),
                    faulty=Rising(rate=At(threshold="times", times=3 / 900)),
                ),
            ),
        ),
    ),
)
