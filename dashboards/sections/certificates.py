"""Certificates that end: of kubelets, of those who ask the kube-apiserver, of what is probed."""

from catalog import neighbours_nodes as nodes
from catalog.foreign import Foreign
from catalog.labels import INSTANCE, NODE
from dashboards.links import to_node
from dashboards.model import Chart, Column, Panel, Section, Step, Unit
from dashboards.panels import ANY_ODD, chart, table
from dashboards.promql import Scope, increase, quantile

_DAY = 86_400
_CERTIFICATE = "certificate"


def certificates(scope: Scope) -> Section:
    """Show what ends soon, and what is not renewed."""
    return Section(
        title="Certificates",
        panels=(_asking(scope), _renewals(scope), _kubelets(scope), _probed(scope)),
    )


def _asking(scope: Scope) -> Panel:
    return chart(
        "Client certificates that end first",
        f"{nodes.CLIENT_CERTIFICATES.help} Shown: what one in a hundred requests to the "
        "kube-apiserver falls short of.",
        {"left": quantile(scope, nodes.CLIENT_CERTIFICATES, 0.01)},
        unit=Unit.DURATION,
        none="No kube-apiserver is scraped, or none is asked with a certificate.",
        steps=(Step(value=_DAY, color="red"), Step(value=7 * _DAY, color="orange")),
        width=6,
    )


def _renewals(scope: Scope) -> Panel:
    client, server = (
        f"sum({increase(scope.select(metric))})"
        for metric in (nodes.CLIENT_RENEWAL_ERRORS, nodes.SERVER_RENEWAL_ERRORS)
    )
    return chart(
        "Renewals that failed",
        f"{nodes.CLIENT_RENEWAL_ERRORS.help} The same for serving ones. Shown: the increase in "
        "each window.",
        {"client": client, "serving": server},
        none="No kubelet is scraped, or none manages certificates.",
        view=Chart(bars=True, stacked=True),
        steps=ANY_ODD,
        width=6,
    )


def _kubelets(scope: Scope) -> Panel:
    def left(metric: Foreign, name: str) -> str:
        soonest = f"min by ({NODE}) ({scope.select(metric)})"
        return f'label_replace({soonest}, "{_CERTIFICATE}", "{name}", "", "")'

    client = left(nodes.CLIENT_CERTIFICATE_LEFT, "client")
    server = left(nodes.SERVER_CERTIFICATE_LEFT, "serving")
    return table(
        "Kubelets' certificates that end first",
        f"{nodes.CLIENT_CERTIFICATE_LEFT.help} A kubelet renews with a tenth to three tenths of "
        "the life left.",
        (
            Column(field=NODE, title="Node", link=to_node()),
            Column(field=_CERTIFICATE, title="Certificate"),
            Column(field="Value", title="Left", unit=Unit.DURATION),
        ),
        (f"bottomk(20, ({client} or {server}) < Inf)",),
        none="No kubelet is scraped, or none manages certificates.",
        width=6,
    )


def _probed(scope: Scope) -> Panel:
    end = f"min by ({INSTANCE}) ({scope.select(nodes.PROBED_CERTIFICATE_END)})"
    return table(
        "Probed certificates that end first",
        f"{nodes.PROBED_CERTIFICATE_END.help} Registries, stores and ends of lines that everything "
        "pulls through.",
        (
            Column(field=INSTANCE, title="Probed"),
            Column(field="Value", title="Left", unit=Unit.DURATION),
        ),
        (f"bottomk(20, {end} - time())",),
        none="The blackbox exporter is not scraped, or probes nothing with a certificate.",
        width=6,
    )
