"""A node as the publisher sees it: how to ask its exporter, and what stands on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog import wire
from catalog.scheduler_topology import DECLARED
from scheduler_feedback.gang.nodes import foreign_tiers, own_tiers
from scheduler_feedback.gang.pods import HOSTNAME

_NO_TIERS = "none"
"""The source of a node on which nothing but its rails stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What matters of a Node object."""

    name: str
    uid: str
    hostname: str
    """Its hostname label, by which its host is known to schedulers; empty where it has none."""
    address: str
    """Its internal IP; empty where it has none yet."""
    labels: Mapping[str, str]
    """Of tiers, under our prefix, by the full key."""
    notes: Mapping[str, str]
    """The annotations of ours, by the full key."""
    foreign: tuple[str, ...]
    """What the labels of others say about its tiers, nearest first."""
    tiers: tuple[str, ...]
    """What the labels under our prefix say."""
    source: str
    """Whence those are, by our annotation; empty where we have written nothing on it."""
    rails: str = ""
    """What our annotation says of its rails."""

    @property
    def declared(self) -> bool:
        """Whether somebody else has set the labels of tiers."""
        return bool(self.tiers) and self.source in ("", _NO_TIERS, DECLARED)


def read_node(node: Mapping[str, Any], prefix: str = wire.PREFIX) -> Node:
    """Return what matters of a Node object."""
    meta = node["metadata"]
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    begins = wire.topology_key(wire.TIER, prefix)
    ours = (wire.key(wire.RAILS, prefix), wire.key(wire.TOPOLOGY_SOURCE, prefix))
    addresses = (node.get("status") or {}).get("addresses") or ()
    return Node(
        name=meta["name"],
        uid=meta.get("uid", ""),
        hostname=labels.get(HOSTNAME, ""),
        address=next((a["address"] for a in addresses if a.get("type") == "InternalIP"), ""),
        labels={key: value for key, value in labels.items() if key.startswith(begins)},
        notes={key: notes[key] for key in ours if key in notes},
        foreign=foreign_tiers(labels),
        tiers=own_tiers(labels, prefix),
        source=notes.get(ours[1], ""),
        rails=notes.get(ours[0], ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What is to stand on a node."""

    tiers: tuple[str, ...] = ()
    source: str = ""
    """One of catalog's SOURCES; empty without tiers."""
    rails: str = ""
    """The annotation; empty where nothing is known."""
    kept: bool = False
    """Nothing can be read of it now: what stands there stays."""
    reason: str = ""
    """Why there are no tiers, one of catalog's UNPLACED."""
    detail: str = ""
    """The same for people."""
    too_long: bool = False
    """Its rails do not fit their annotation."""


def change(node: Node, belief: Belief, prefix: str = wire.PREFIX) -> dict[str, Any]:
    """Return the merge patch that makes a node say what is believed; empty where it does.

    Only keys of ours are in it. Labels that somebody else has set stay as they are.
    """
    if belief.kept:
        return {}
    labels = dict(node.labels) if belief.source == DECLARED else _labels(belief.tiers, prefix)
    source = belief.source or (_NO_TIERS if belief.rails else "")
    rails, marker = wire.key(wire.RAILS, prefix), wire.key(wire.TOPOLOGY_SOURCE, prefix)
    said = {rails: belief.rails, marker: source}
    notes = {key: text for key, text in said.items() if text}
    if not belief.rails and belief.source == DECLARED:
        notes = {}
    changed = {"labels": _between(node.labels, labels), "annotations": _between(node.notes, notes)}
    return {"metadata": {k: v for k, v in changed.items() if v}} if any(changed.values()) else {}


def _labels(tiers: tuple[str, ...], prefix: str) -> dict[str, str]:
    keys = (wire.topology_key(f"{wire.TIER}{n}", prefix) for n in range(len(tiers)))
    return {key: name for key, name in zip(keys, tiers, strict=True) if name}


def _between(now: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str | None]:
    gone: dict[str, str | None] = {key: None for key in now if key not in wanted}
    return gone | {key: value for key, value in wanted.items() if now.get(key) != value}


def only_to(node: Node, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a patch that a node made anew under the same name does not take.

    It would be left with labels that do not say they are ours, and so stay for ever.
    """
    return {"metadata": {"uid": node.uid, **patch["metadata"]}}


def taken_off(node: Node, prefix: str = wire.PREFIX) -> dict[str, Any]:
    """Return the merge patch that takes everything of ours off a node."""
    if node.declared:
        return change(node, Belief(source=DECLARED), prefix)
    return change(node, Belief(), prefix) if node.source else {}
