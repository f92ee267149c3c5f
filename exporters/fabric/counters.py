"""fabric/counters: what the switches' linked ports count, and links whose errors rise."""

from collections.abc import Iterator, Mapping

from catalog.fabric import (
    ERROR_COUNTERS,
    ERRORS,
    FABRIC_COUNTERS_AGE,
    FABRIC_SATURATED,
    FLAPPED,
    TRAFFIC_COUNTERS,
)
from catalog.metrics import Metric
from exporters.errors import Unreadable
from exporters.fabric.links import bad, discovered
from exporters.fabric.network import End, Network
from exporters.fabric.rounds import Reading, Rounds
from exporters.facility import Facility
from exporters.sample import Sample

_WORD = 4
"""Bytes: PortXmitData and PortRcvData count 32-bit words (IBTA PortCountersExtended)."""
_BYTES = "bytes"

Port = tuple[str, str, str]


def counted(rounds: Rounds) -> Iterator[Sample]:
    """Yield the last reading of each switch; Unreadable for the first that failed, afterwards."""
    network = discovered(rounds.survey)
    problems = list(rounds.go_on(network))
    if rounds.age is not None:
        yield Sample(FABRIC_COUNTERS_AGE, (), rounds.age)
    for guid, reading in sorted(rounds.readings.items()):
        for number in sorted(network.nodes[guid].ports):
            yield from _port(network.name(End(guid, number)), number, reading)
    for reason in (ERRORS, FLAPPED):
        yield from bad(network, reason, _ends(network, rounds, reason))
    if problems:
        raise Unreadable(problems[0])


def _port(end: Port, number: int, reading: Reading) -> Iterator[Sample]:
    errors = reading.errors.get(number, {})
    for field, (metric, ceiling) in ERROR_COUNTERS.items():
        if (value := errors.get(field)) is not None:
            yield Sample(metric, end, value)
            if value == ceiling:
                yield Sample(FABRIC_SATURATED, (*end, field), 1)
    yield from _traffic(end, reading.traffic.get(number, {}))


def _traffic(end: Port, counters: Mapping[str, int]) -> Iterator[Sample]:
    for field, metric in TRAFFIC_COUNTERS.items():
        if (value := counters.get(field)) is not None:
            yield Sample(metric, end, value * _scale(metric))


def _scale(metric: Metric) -> int:
    return _WORD if metric.unit == _BYTES else 1


def _ends(network: Network, rounds: Rounds, reason: str) -> list[End]:
    return [
        End(guid, number)
        for guid, reading in sorted(rounds.readings.items())
        for number, faults in sorted(reading.bad.items())
        if reason in faults and number in network.nodes[guid].ports
    ]


FACILITY = Facility(
    family="fabric",
    name="counters",
    reads="counters of the switches' linked ports",
    readings=(counted,),
)
