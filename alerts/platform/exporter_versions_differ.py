"""Exporters of different versions run for hours: a roll-out has stopped half-way."""

from datetime import timedelta

from alerts.devices import FLEET
from alerts.model import Alert, Moment, Scenario, Signal
from alerts.promql import Series, select
from catalog.exporter import EXPORTER_BUILD_INFO
from catalog.labels import CLUSTER

VERSIONS = Series(EXPORTER_BUILD_INFO.name)
OLD, NEW = (select(EXPORTER_BUILD_INFO, version=version) for version in ("1.0.0", "1.1.0"))

ALERT = Alert(
    name="ExporterVersionsDiffer",
    device=FLEET,
    needs_fleet=True,
    expr=f"count by ({CLUSTER}) (count by ({CLUSTER}, version) ({VERSIONS})) > 1",
    hold=timedelta(hours=2),
    severity="info",
    summary="Exporters of different versions run",
    description=(
        "Exporters of more than one version have been running for two hours. See which nodes "
        "have the old one, and why the DaemonSet does not get there."
    ),
    why="Metrics that only the new version has are missing on some nodes.",
    first_step="Run kubectl -n railwatch rollout status daemonset/railwatch-exporter.",
    scenarios=(
        Scenario(
            name="two versions",
            signals=(
                Signal(series=OLD, healthy=1),
                Signal(series=NEW, healthy=Moment.GONE, below=Moment.GONE, faulty=1),
            ),
        ),
    ),
)
