"""What GPUs cost: prices and teams from the settings, spread over who holds the GPUs."""

from collections.abc import Iterator

from alerts.promql import EXACT
from alerts.recorded.model import RecordingSettings, Rule
from catalog import fleet as recorded
from catalog import neighbours
from catalog.labels import NODE

_LABEL = "label_node_kubernetes_io_instance_type"


def rules(settings: RecordingSettings) -> Iterator[Rule]:
    """Yield the two tables and, where there are prices, the spending."""
    for namespace, team in sorted(settings.teams.items()):
        labels = {"namespace": namespace, "team": team}
        yield Rule(metric=recorded.TEAM, expr="vector(1)", labels=labels)
    for kind, price in sorted(settings.prices.items()):
        labels = {"instance_type": kind}
        yield Rule(metric=recorded.GPU_PRICE, expr=f"vector({price:{EXACT}})", labels=labels)
    if settings.prices:
        yield Rule(metric=recorded.GPU_SPEND, expr=_spend(settings))


def _spend(settings: RecordingSettings) -> str:
    """Return price times use; a node that has a type without a price costs nothing here."""
    on, use = settings.by(NODE), recorded.NODE_GPU_USE.name
    none = f'"instance_type", "{recorded.NO_TYPE}", "", ""'
    typed = (
        f'label_replace({neighbours.NODE_LABELS.name}{{{_LABEL}!=""}}, '
        f'"instance_type", "$1", "{_LABEL}", "(.+)")'
    )
    types = f"max by {settings.by(NODE, 'instance_type')} ({typed})"
    return f"""
        sum by {settings.by("namespace", "instance_type", "use")} (
          (
            {use} * on {on} group_left (instance_type) {types}
            or
            label_replace({use} unless on {on} {types}, {none})
          )
          * on (instance_type) group_left ()
          max by (instance_type) ({recorded.GPU_PRICE.name})
        )
        """
