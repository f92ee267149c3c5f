"""What Kubernetes' selectors select: of pods by their labels, and of nodes by a node's terms.

Who asks says what an operator counts for that is not known here: a later Kubernetes may have one.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def meets(labels: Mapping[str, str], want: Mapping[str, Any], *, unknown: bool) -> bool:
    """Whether labels meet one requirement, an item of `matchExpressions`."""
    value, values = labels.get(want.get("key", "")), want.get("values") or ()
    match want.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            return _compares(operator, value, values)
        case _:
            return unknown


def node_meets(
    term: Mapping[str, Any], name: str, labels: Mapping[str, str], *, unknown: bool
) -> bool:
    """Whether a node meets a node selector term; one that asks for nothing selects nothing."""
    told = [
        *((each, labels) for each in term.get("matchExpressions") or ()),
        *((each, {"metadata.name": name}) for each in term.get("matchFields") or ()),
    ]
    return bool(told) and all(meets(of, each, unknown=unknown) for each, of in told)


def _compares(operator: str, value: str | None, values: Sequence[str]) -> bool:
    """Whether a number is greater or less than another; what is no number never is."""
    try:
        one, other = int(value or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return one > other if operator == "Gt" else one < other
