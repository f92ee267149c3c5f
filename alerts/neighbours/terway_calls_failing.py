"""Terway fails to give pods their network."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import WINDOW, failing, failures, failures_seen, of_instance, part, rate
from catalog.labels import INSTANCE
from catalog.neighbours_nodes import TERWAY_CALLS

FAILED = part(TERWAY_CALLS, "_count", error="true")
EVERY = part(TERWAY_CALLS, "_count")
DEVICE = of_instance(f"Terway on {shown(INSTANCE)}", "terway")

ALERT = Alert(
    name="TerwayCallsFailing",
    device=DEVICE,
    needs_fleet=True,
    expr=failing(FAILED, rate(EVERY, INSTANCE), INSTANCE),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{DEVICE.title} fails to give pods their network",
    description=(
        f"More than $share of the calls to {DEVICE.title} fail. No address left in the vSwitch, "
        "no interface left on the instance, or the cloud's limit on calls are the usual reasons: "
        "its log says which."
    ),
    why="New pods on the node stay in ContainerCreating.",
    first_step="Read the log of terway-eniip on the node.",
    thresholds=failures(0.1),
    scenarios=(
        Scenario(
            name="the vSwitch has no address left",
            signals=failures_seen(
                part(TERWAY_CALLS, "_count", rpc_api="AllocIP", error="true"),
                part(TERWAY_CALLS, "_count", rpc_api="AllocIP", error="false"),
            ),
        ),
    ),
)
