"""The fleet in one line of figures, all of them recorded sums."""

from catalog import fleet as recorded
from dashboards.model import Section, Step, Unit
from dashboards.panels import ANY_BAD, ANY_ODD, figure
from dashboards.promql import Scope

_NOBODY = "no exporter"
_NO_GPU = "no GPU seen"


def now(scope: Scope) -> Section:
    """Show in one line how much there is and how much of it is not well."""
    nodes, gpus = scope.select(recorded.NODES), scope.select(recorded.GPUS)
    not_ok = scope.select(recorded.GPUS, 'state!~"ok|not_managed"')
    silent = scope.select(recorded.NODES, f'coverage="{recorded.SILENT}"')
    down = scope.select(recorded.RAIL_PORTS, f'state="{recorded.DOWN}"')
    ports = scope.select(recorded.RAIL_PORTS)
    lost = scope.select(recorded.GPU_USE, f'use="{recorded.LOST}"')
    use = scope.select(recorded.GPU_USE)
    faults = scope.select(recorded.OPEN_FAULTS)
    return Section(
        title="Now",
        panels=(
            figure(
                "Nodes",
                "Nodes that Prometheus should scrape an exporter on.",
                f"sum({nodes})",
                none=_NOBODY,
                width=3,
            ),
            figure(
                "Exporters down",
                "Nodes whose exporter does not answer: nothing is known of their devices.",
                f"sum({silent})",
                none=_NOBODY,
                steps=ANY_ODD,
                width=3,
            ),
            figure(
                "GPUs",
                "GPUs that the exporters know of, in whatever state.",
                f"sum({gpus})",
                none=_NO_GPU,
                width=3,
            ),
            figure(
                "GPUs not ok",
                "GPUs that are lost, hung, missing, unreadable or ask for a reset.",
                f"sum({not_ok})",
                none=_NO_GPU,
                steps=ANY_BAD,
                trend=True,
                width=3,
            ),
            figure(
                "Lost to faults",
                "Share of the GPUs that a fault keeps work away from: not ok, or fenced by an "
                "alert with verdict cordon or drain for it or its node.",
                f"(sum({lost}) or 0 * sum({use})) / sum({use})",
                none=_NO_GPU,
                unit=Unit.RATIO,
                steps=(Step(value=0.01, color="orange"), Step(value=0.05, color="red")),
                trend=True,
                width=4,
            ),
            figure(
                "Open faults",
                "Firing alerts that the bridge acts on. 0 is shown only where railwatch's rules "
                "are evaluated.",
                f"sum({faults}) or 0 * sum({nodes})",
                none="not judged",
                steps=ANY_BAD,
                trend=True,
                width=4,
            ),
            figure(
                "RDMA ports down",
                "Ports that should be active and are not, or are not seen at all.",
                f"sum({down}) or 0 * sum({ports})",
                none="no port seen",
                steps=ANY_BAD,
                trend=True,
                width=4,
            ),
        ),
    )
