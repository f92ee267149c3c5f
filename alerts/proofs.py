"""The proofs that the bridge asks Prometheus for, as `bridge/proofs.yaml` carries them."""

import textwrap
from collections.abc import Sequence
from typing import Any

from alerts import clusters, verification
from alerts.evidence import AND, BOOT, ORIGINS, RESET, rested
from alerts.model import Alert, Proof
from alerts.promql import UP, Series, Window, by, duration, fresh, select, written
from alerts.tuning import Intervals, text
from catalog import labels
from catalog.exporter import COLLECTOR, COLLECTOR_STATE

VERSION = 1

VITAL = ("state", "xid", "boot", "port", "inventory")
"""Facilities without which nothing is known of a GPU or a port."""


def document(
    alerts: Sequence[Alert], intervals: Intervals, cluster_label: str = labels.CLUSTER
) -> dict[str, Any]:
    """Return the whole file; `$selector` in it is the bridge's to replace."""
    faults = [
        *(_fault(alert, intervals) for alert in alerts if alert.fault),
        verification.entry(intervals),
    ]
    for fault in faults:
        fault["query"] = clusters.of_query(fault["query"], cluster_label)
    return {
        "version": VERSION,
        "observed": clusters.of_query(_seen_at_all(intervals), cluster_label),
        "alerts": f'ALERTS{{{labels.CONDITION}!=""}}',
        "active_since": f'ALERTS_FOR_STATE{{{labels.CONDITION}!=""}}',
        "boot_time": clusters.of_query(BOOT.time(intervals.scrape), cluster_label),
        "reset_time": clusters.of_query(RESET.time(intervals.scrape), cluster_label),
        "faults": faults,
    }


def _seen_at_all(intervals: Intervals) -> str:
    """Return PromQL: 1 for each facility of a node that blinds no condition.

    One that is positively absent does not either: a card without NVLink cannot lose one, and its
    condition would be Unknown for ever. Of what every such node has, absence is no answer.
    """
    seen = Series(labels.OBSERVED)
    absent = select(COLLECTOR_STATE, state="absent")
    without = Series(absent.metric, (*absent.matchers, f'facility!~"{"|".join(VITAL)}"'))
    facility = by(labels.NODE, *COLLECTOR)
    return (
        f"{seen} == 1 and {fresh(seen, intervals.evaluation)}"
        f" or max by ({facility}) ({without} == 1 and on ({by(labels.NODE)}) {UP} == 1"
        f" and {fresh(without, intervals.scrape)})"
    )


def _fault(alert: Alert, intervals: Intervals) -> dict[str, Any]:
    fault, proof = alert.fault, alert.proof
    assert fault
    assert proof
    return {
        "fault": fault.name,
        "condition": fault.condition.type,
        "scope": fault.scope.value,
        "verdict": fault.verdict.label,
        "identity": alert.device.identity,
        "recovery": fault.recovery.value,
        "soak": duration(proof.soak),
        "facilities": list(proof.facilities),
        "query": written(query(alert, intervals)),
    }


def query(alert: Alert, intervals: Intervals) -> str:
    """Return PromQL with one series, of value 1, for each device proven healthy all through.

    What every proof needs is added here, so that no alert can lack it: `up`, each facility
    observed, and a soak that begins no earlier than the reboot or reset the fault demands.
    """
    device, proof = alert.device, alert.proof
    assert proof
    window = Window(length=proof.soak, interval=intervals.scrape, evaluation=intervals.evaluation)
    on_device = f"\nand on ({by(*device.joins)})\n"
    parts = [_block(proof.subject.promql(window))]
    parts += [on_device + _block(item.promql(window)) for item in proof.evidence]
    if not device.is_wide:
        parts += _watched(alert, proof, window, intervals)
    made = f"group by ({by(*device.kept)}) (\n{textwrap.indent(''.join(parts), '  ')}\n)"
    return text(alert, made)


def _watched(alert: Alert, proof: Proof, window: Window, intervals: Intervals) -> list[str]:
    """Return what is asked of the node: its exporter, the collectors, the boot or reset.

    A domain or line has no node; what its evidence is recorded from, or selects, asks for it.
    """
    on_node = f"\nand on ({by(labels.NODE)})\n"
    parts = []
    if origin := ORIGINS.get(alert.recovery):
        parts.append(f"\nand on ({by(*origin.keys)})\n" + _block(rested(origin, window)))
    parts.append(on_node + _block(f"{UP.scoped} == 1"))
    parts += [on_node + _block(part) for part in _observed(proof, intervals)]
    return parts


def _observed(proof: Proof, intervals: Intervals) -> list[str]:
    window = Window(length=proof.soak, interval=intervals.evaluation)
    return [_seen(facility, window) for facility in proof.facilities]


def _seen(facility: str, window: Window) -> str:
    wanted = zip(COLLECTOR, facility.split("/"), strict=True)
    matchers = tuple(f'{label}="{value}"' for label, value in wanted)
    series = Series(labels.OBSERVED, matchers).scoped
    return AND.join(
        [
            f"{series} == 1",
            f"sum_over_time({series}[{window.range}]) >= {window.samples}",
            fresh(series, window.interval),
        ]
    )


def _block(part: str) -> str:
    return textwrap.indent(f"(\n{textwrap.indent(part, '  ')}\n)", "  ")
