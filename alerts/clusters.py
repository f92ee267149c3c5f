"""Clusters told apart by a label of another name than ours.

Expressions name `cluster` (see `promql.by`). Where the series of a global Prometheus have another
label instead, it stands in their lists, and each alert and proof gets `cluster` from it: routes,
inhibitions and the bridge know that name only. A Prometheus of one cluster has the label on nothing
but what it sends away: there an alert gets it from `external_labels`.
"""

import re
from typing import Any

from catalog.labels import CLUSTER

_IN_LISTS = re.compile(rf"(?<=\b(?:by|on) \(){CLUSTER}\b")


def renamed(expr: str, label: str) -> str:
    """Return an expression whose lists name this label."""
    return _IN_LISTS.sub(label, expr)


def of_group(group: dict[str, Any], label: str) -> dict[str, Any]:
    """Return a rule group that tells clusters apart by this label."""
    if label == CLUSTER:
        return group
    return group | {"rules": [_of_rule(rule, label) for rule in group["rules"]]}


def _of_rule(rule: dict[str, Any], label: str) -> dict[str, Any]:
    made = rule | {"expr": renamed(rule["expr"], label)}
    if "alert" in rule:
        made["labels"] = rule["labels"] | {CLUSTER: _told(label)}
    return made


def _told(label: str) -> str:
    """Return the template of the label's value, on the series or else of this Prometheus."""
    return f"{{{{ or $labels.{label} $externalLabels.{label} }}}}"


def of_query(query: str, label: str) -> str:
    """Return what the bridge asks, with `cluster` on the answer."""
    if label == CLUSTER:
        return query
    return f'label_replace(\n{renamed(query, label)}\n, "{CLUSTER}", "$1", "{label}", "(.+)")'
