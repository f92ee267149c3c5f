"""uplink/pods: what each pod sent and received, at the host's end of its interface.

Whatever its destination: what of it went over the line, only the line's far end could tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.uplink import (
    OMITTED_ITEMS,
    POD_INTERFACES,
    POD_RECEIVE_BYTES,
    POD_RECEIVE_DROPS,
    POD_RECEIVE_PACKETS,
    POD_TRANSMIT_BYTES,
    POD_TRANSMIT_DROPS,
    POD_TRANSMIT_PACKETS,
)
from exporters.facility import Facility
from exporters.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.uplink.links import Link
    from exporters.uplink.pod_names import PodNames
    from exporters.uplink.view import View

MOST = 256
"""Pod interfaces of a line that are shown; a node has 110 pods unless told otherwise."""


class Pods:
    """The cycle's view, and who is behind the interfaces."""

    def __init__(self, view: View, names: PodNames) -> None:
        """Take both."""
        self.view = view
        self.names = names


def pods(of: Pods) -> Iterator[Sample]:
    """Yield the counts of each line's pod interfaces."""
    lines = [line for line in of.view.config.lines if line.pod_interfaces]
    found = [list(of.view.named(line.pod_interfaces)) for line in lines]
    users = of.names.users(link for links in found for link in links) if lines else {}
    for line, links in zip(lines, found, strict=True):
        yield Sample(OMITTED_ITEMS, (line.name, POD_INTERFACES), max(0, len(links) - MOST))
        for link in links[:MOST]:
            user = users[link.name]
            yield from _pod((line.name, link.name, user.namespace, user.pod), link)


def _pod(labels: tuple[str, ...], link: Link) -> Iterator[Sample]:
    """Yield one pod's counts: what the host's end receives, the pod has sent."""
    yield Sample(POD_RECEIVE_BYTES, labels, link.transmit_bytes)
    yield Sample(POD_TRANSMIT_BYTES, labels, link.receive_bytes)
    yield Sample(POD_RECEIVE_PACKETS, labels, link.transmit_packets)
    yield Sample(POD_TRANSMIT_PACKETS, labels, link.receive_packets)
    yield Sample(POD_RECEIVE_DROPS, labels, link.transmit_drops)
    yield Sample(POD_TRANSMIT_DROPS, labels, link.receive_drops)


FACILITY = Facility(
    family="uplink",
    name="pods",
    reads="traffic and drops of pods, at the host's end of their interfaces",
    readings=(pods,),
)
