"""A Prometheus or Alertmanager that the bridge asks does not answer."""

from datetime import timedelta

from alerts.devices import Device, shown
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series, by
from catalog.bridge import SOURCE_UP
from catalog.labels import BRIDGE_JOB, CLUSTER

ANSWERS = Series(SOURCE_UP.name)
SOURCE = Device(
    identity="",
    keys=(),
    labels=("source", "kind"),
    title=f"{shown('kind')} {shown('source')}",
    job=BRIDGE_JOB,
    samples=(
        {"source": "http://prometheus-a:9090", "kind": "prometheus"},
        {"source": "http://prometheus-b:9090", "kind": "prometheus"},
    ),
)

ALERT = Alert(
    name="BridgeSourceDown",
    device=SOURCE,
    needs_fleet=True,
    expr=f"max by ({by(CLUSTER, *SOURCE.labels)}) ({ANSWERS}) == 0",
    hold=timedelta(minutes=5),
    severity="critical",
    summary=f"{SOURCE.title} does not answer the bridge",
    description=(
        f"{SOURCE.title} does not answer the bridge's questions, or not sensibly. While a source "
        "that vouches for nodes is away, none of them is proven healthy. If it was taken away "
        "for good, run railwatch-bridge forget-source."
    ),
    why="Recovered nodes stay fenced; with all sources gone every condition goes Unknown.",
    first_step="Ask it from the bridge's pod: is it the network, its certificate, or the server?",
    scenarios=(
        Scenario(
            name="it is away",
            signals=(Signal(series=ANSWERS, healthy=1, below=1, faulty=0),),
        ),
    ),
)
