"""How near each other a node's GPUs and NICs are, in words, for `explain`."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from catalog import wire
from scheduler_feedback.gang.quantities import read_request
from scheduler_feedback.kube import RESOURCE_TOPOLOGIES, Kube
from scheduler_feedback.placement.alignment import nics_of, points_of, read_layout, read_zones

UNKNOWN = "how near GPUs and NICs are is not known"


def near_for(
    kube: Kube, pod: Mapping[str, Any], prefix: str, rdma: Sequence[str]
) -> Callable[[Mapping[str, Any]], str] | None:
    """Return what says it of a Node object; None for a pod that does not ask for both."""
    request = read_request(pod.get("spec") or {})
    gpus, nics = request.get(wire.GPU_RESOURCE, 0), nics_of(request, rdma)
    if not gpus or not nics:
        return None
    served = kube.serves(RESOURCE_TOPOLOGIES)
    found = kube.listing(RESOURCE_TOPOLOGIES).objects if served else ()
    zones = {each["metadata"]["name"]: read_zones(each, rdma) for each in found}

    def near(node: Mapping[str, Any]) -> str:
        meta = node["metadata"]
        layout = read_layout(meta.get("annotations") or {}, zones.get(meta["name"]), prefix)
        points = points_of(layout, gpus, nics)
        return UNKNOWN if math.isnan(points) else f"GPUs and NICs near each other: {points:.0%}"

    return near
