"""Pods wait for images that cannot be pulled."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Moment, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, STATE, of_namespace, summed
from alerts.promql import Series, select
from catalog.labels import NAMESPACE
from catalog.neighbours import WAITING
from catalog.neighbours_nodes import INIT_WAITING

REASONS = ("ErrImagePull", "ImagePullBackOff")
STUCK = f"{select(WAITING, reason=REASONS)} or {select(INIT_WAITING, reason=REASONS)}"
ONE = Series(WAITING.name, ('pod="train-0"', 'container="train"', 'reason="ImagePullBackOff"'))
FIRST = Series(INIT_WAITING.name, ('pod="train-0"', 'container="fetch"', 'reason="ErrImagePull"'))
DEVICE = of_namespace(f"Namespace {shown(NAMESPACE)}", STATE)

ALERT = Alert(
    name="ImagePullFailing",
    device=DEVICE,
    needs_fleet=True,
    expr=f"{summed(STUCK, NAMESPACE)} >= $containers",
    hold=timedelta(minutes=15),
    severity="warning",
    summary=f"Pods of {DEVICE.title} cannot pull their images",
    description=(
        f"In {DEVICE.title} at least $containers containers have waited a quarter of an hour for "
        "an image that cannot be pulled. The pod's events say why: a name that does not exist, a "
        "secret that is wrong, a registry that does not answer."
    ),
    why="The pod holds its GPUs and does nothing.",
    first_step="Run kubectl describe pod and read the event Failed.",
    thresholds=(
        Threshold(name="containers", default=1, meaning="Containers that wait.", source=OWN_GUESS),
    ),
    scenarios=(
        Scenario(
            name="the registry refuses",
            signals=(Signal(series=ONE, healthy=Moment.GONE, faulty=1),),
        ),
        Scenario(
            name="the image of a start-up container is not there",
            signals=(Signal(series=FIRST, healthy=Moment.GONE, faulty=1),),
        ),
    ),
)
