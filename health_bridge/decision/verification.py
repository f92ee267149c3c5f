"""New and rebooted nodes: not to be trusted before all that is expected of them is there. Pure.

A node is new if it was created after the bridge had begun to manage the selector that it matches;
when that was stands on the nodes. Every other node is adopted: its condition tells that nobody has
looked yet, and it is never tainted for it. One whose boot differs from the last verified one has
rebooted. The proof is one of the proofs file, as of any fault, and counts from when the boot was
first seen, as what was observed before may be of the boot before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog import wire
from catalog.conditions import ACCELERATORS_UNVERIFIED
from catalog.verdicts import Verdict
from health_bridge.decision.nodes import Node
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import Arrival, Fault, Record

UNVERIFIED = ACCELERATORS_UNVERIFIED.type
"""Condition, and the name of its fault."""

_EVIDENCE = {
    True: "The node is new or has rebooted, and not all that is expected of it is proven yet",
    False: "Nobody has proven yet that all that is expected of the node is there",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A node's record as the decision goes on with it."""

    record: Record
    fault: Fault | None = None
    """To be opened."""


def check(
    nodes: Sequence[Node], records: Mapping[str, Record], policy: Policy, now: float
) -> dict[str, Checked]:
    """Return each node's record with how it arrived, and the fault of one that is unverified.

    `records` are of the whole fleet: they tell since when it is managed.
    """
    if not policy.verify_nodes:
        return {node.name: Checked(record=_forgotten(records[node.name])) for node in nodes}
    began = _began(records, policy, now)
    return {node.name: _check(node, records[node.name], policy, began, now) for node in nodes}


def _forgotten(record: Record) -> Record:
    faults = tuple(fault for fault in record.faults if fault.condition != UNVERIFIED)
    if faults == record.faults and record.owned.arrival is None:
        return record
    return replace(record, faults=faults, owned=replace(record.owned, arrival=None))


def _began(records: Mapping[str, Record], policy: Policy, now: float) -> float:
    """Return since when the selector is managed: the first node seen under it, or our start."""
    stamps = (record.owned.arrival for record in records.values())
    seen = [stamp.since for stamp in stamps if stamp and stamp.selector == policy.selector]
    return min([*seen, policy.started, now])


def _check(node: Node, record: Record, policy: Policy, began: float, now: float) -> Checked:
    arrival = _arrival(node, record.owned.arrival, policy, began, now)
    faults = [fault for fault in record.faults if fault.condition != UNVERIFIED]
    known = next((fault for fault in record.faults if fault.condition == UNVERIFIED), None)
    if not node.boot or node.verified_boot == node.boot:
        return Checked(record=_with(record, faults, arrival))
    if known is not None and arrival.boot == node.boot:
        return Checked(
            record=_with(record, [*faults, _as_of(known, node, arrival, policy)], arrival)
        )
    arrival = replace(arrival, boot=node.boot)
    fault = Fault(
        device=wire.NODE,
        name=wire.NODE,
        fault=UNVERIFIED,
        condition=UNVERIFIED,
        verdict=Verdict.OBSERVE,
        since=int(now),
    )
    return Checked(
        record=_with(record, faults, arrival), fault=_as_of(fault, node, arrival, policy)
    )


def _as_of(fault: Fault, node: Node, arrival: Arrival, policy: Policy) -> Fault:
    """Return the fault with what it warrants now: an adopted node is never tainted for it."""
    harsh = arrival.new or node.verified_boot is not None
    verdict = min(Verdict.CORDON, policy.verdict_max) if harsh else Verdict.OBSERVE
    return replace(fault, verdict=verdict, evidence=_EVIDENCE[harsh])


def _with(record: Record, faults: Sequence[Fault], arrival: Arrival) -> Record:
    return replace(record, faults=tuple(faults), owned=replace(record.owned, arrival=arrival))


def _arrival(
    node: Node, known: Arrival | None, policy: Policy, began: float, now: float
) -> Arrival:
    """Return how a node came; what was once said of it stays, whoever leaves the fleet."""
    if known is not None and known.selector == policy.selector:
        return known
    new = node.created > began or (known is not None and known.new)
    boot = known.boot if known else ""
    return Arrival(selector=policy.selector, since=int(now), new=new, boot=boot)


def proven_boot(
    node: Node, checked: Checked, faults: Sequence[Fault], policy: Policy
) -> str | None:
    """Return the boot to be told as verified: this one, once its fault is closed by proof."""
    if not policy.verify_nodes:
        return None
    was_open = any(fault.condition == UNVERIFIED for fault in checked.record.faults)
    is_open = any(fault.condition == UNVERIFIED for fault in faults)
    return node.boot if was_open and not is_open else node.verified_boot
