"""Whether a pod has ended: it is still an object then, and takes nothing of its node any more."""

from collections.abc import Mapping
from typing import Any

ENDED = ("Succeeded", "Failed")
"""The phases of pods whose containers have ended for good."""


def has_ended(pod: Mapping[str, Any]) -> bool:
    """Whether all containers of a Pod object have ended for good."""
    return (pod.get("status") or {}).get("phase") in ENDED
