"""The cache runtime of a Fluid dataset is not set up, or not well."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Rising, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, about, increase
from alerts.promql import Series
from catalog.neighbours import FLUID_HEALTH_ERRORS, FLUID_SETUP_ERRORS

HALF = timedelta(minutes=30)
SETUP, HEALTH = Series(FLUID_SETUP_ERRORS.name), Series(FLUID_HEALTH_ERRORS.name)
DEVICE = about(
    f"Fluid runtime {shown('runtime')}",
    "fluid",
    {"runtime": "team-a/imagenet"},
    {"runtime": "team-b/corpus"},
    also={"runtime_type": "alluxio"},
)


def _scenario(name: str, series: Series) -> Scenario:
    below = Rising(rate=At(threshold="errors", times=0.7 / 1800))
    faulty = Rising(rate=At(threshold="errors", times=3 / 1800))
    return Scenario(
        name=name, signals=(Signal(series=series, healthy=0, below=below, faulty=faulty),)
    )


ALERT = Alert(
    name="FluidRuntimeFailing",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        {increase(SETUP, "runtime", over=HALF)} >= $errors
        or
        {increase(HEALTH, "runtime", over=HALF)} >= $errors
        """,
    notices=HALF,
    severity="warning",
    summary=f"{DEVICE.title} is not well",
    description=(
        f"Setting up {DEVICE.title}, or checking its health, failed $errors times or more within "
        "half an hour. Look at the pods of its master and workers, and at the dataset's "
        "conditions."
    ),
    why="Jobs on this dataset do not start, or read past the cache.",
    first_step="Run kubectl describe dataset and look at its runtime's pods.",
    thresholds=(
        Threshold(
            name="errors", default=5, meaning="Failures within half an hour.", source=OWN_GUESS
        ),
    ),
    scenarios=(
        _scenario("its master does not start", SETUP),
        _scenario("its workers do not answer", HEALTH),
    ),
)
