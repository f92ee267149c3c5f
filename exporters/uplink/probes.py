"""uplink/tcp_probes, uplink/icmp_probes: loss, round trip and jitter to the configured peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.uplink_probes import ICMP, TCP
from exporters.facility import Facility
from exporters.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.uplink.prober import Prober


def tcp_probes(prober: Prober) -> Iterator[Sample]:
    """Yield what became of TCP connections."""
    yield from prober.samples(TCP)


def icmp_probes(prober: Prober) -> Iterator[Sample]:
    """Yield what became of ICMP echoes."""
    yield from prober.samples(ICMP)


TCP_PROBES = Facility(
    family="uplink",
    name="tcp_probes",
    reads="loss, round trip and jitter of TCP connections to peers",
    readings=(tcp_probes,),
)
ICMP_PROBES = Facility(
    family="uplink",
    name="icmp_probes",
    reads="loss, round trip and jitter of ICMP echoes to peers, where permitted",
    readings=(icmp_probes,),
)

KINDS = {TCP_PROBES.name: TCP, ICMP_PROBES.name: ICMP}
