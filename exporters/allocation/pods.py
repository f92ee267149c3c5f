"""allocation/pods: which container holds which GPU, as the kubelet tells.

The worker tells what the kubelet says; the program knows the GPUs, and so what each id means.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from exporters.allocation.pod_resources import Holding
from exporters.facility import Facility
from exporters.sample import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.allocation.kubelet import Kubelet
    from exporters.facility import Outcome

HOLDING = "holding"
ALLOCATABLE = "allocatable"
TERMINATED = "terminated"
OMITTED = "omitted"

SEEN = "kubelet_seen"
"""In a worker's target: whether a kubelet has ever answered."""

MOST = 4096
"""Holdings, and allocatable devices, that are told; a node has 16 GPUs of 48 replicas at most."""


def held(kubelet: Kubelet) -> Iterator[Note]:
    """Note each device of a pod that runs, and how many were left out."""
    told = terminated = omitted = 0
    gone = kubelet.terminated()
    for holding in kubelet.holdings():
        if gone(holding.namespace, holding.pod):
            terminated += 1
        elif told == MOST:
            omitted += 1
        else:
            told += 1
            yield Note(HOLDING, json.dumps(asdict(holding)))
    yield Note(TERMINATED, terminated)
    yield Note(OMITTED, omitted)


def allocatable(kubelet: Kubelet) -> Iterator[Note]:
    """Note each device that the kubelet could give; it leaves out those that are unhealthy."""
    for number, (resource, device) in enumerate(kubelet.allocatable()):
        if number < MOST:
            yield Note(ALLOCATABLE, f"{resource} {device}")


def holdings_of(outcome: Outcome) -> list[Holding]:
    """Return the holdings that an outcome tells."""
    return [Holding(**json.loads(str(n.value))) for n in outcome.notes if n.name == HOLDING]


def allocatable_of(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Yield resource and id of each device that could be given."""
    for note in outcome.notes:
        if note.name == ALLOCATABLE:
            resource, _, device = str(note.value).rpartition(" ")
            yield resource, device


FACILITY = Facility(
    family="allocation",
    name="pods",
    reads="which pod holds which GPU, from the kubelet",
    readings=(held, allocatable),
)
