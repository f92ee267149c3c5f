"""rdma_ethtool/modules: temperature, light and complaints of the transceiver in each port's cage.

Read once a minute: a module's bus is slow, and holds the lock that all network interfaces share.
"""

from collections.abc import Iterator

from catalog.rdma_modules import (
    RDMA_MODULE_BIAS,
    RDMA_MODULE_FLAG,
    RDMA_MODULE_FLAGS,
    RDMA_MODULE_INFO,
    RDMA_MODULE_RECEIVE_POWER,
    RDMA_MODULE_TEMPERATURE,
    RDMA_MODULE_TEMPERATURE_LIMIT,
    RDMA_MODULE_TRANSMIT_POWER,
    RDMA_MODULE_VOLTAGE,
)
from exporters.facility import Facility
from exporters.rdma.netport import NetPort
from exporters.rdma.transceivers import decode
from exporters.rdma.transceivers.module import Flag
from exporters.sample import Sample

MOST_FLAGS = 16


def module(port: NetPort) -> Iterator[Sample]:
    """Yield what the module says."""
    found = decode(port.eeprom)
    yield port.sample(RDMA_MODULE_INFO, 1, found.form, found.vendor, found.part, found.serial)
    for metric, value in (
        (RDMA_MODULE_TEMPERATURE, found.temperature_celsius),
        (RDMA_MODULE_TEMPERATURE_LIMIT, found.limit_celsius),
    ):
        if value is not None:
            yield port.sample(metric, value)
    for metric, watts in (
        (RDMA_MODULE_RECEIVE_POWER, [lane.received_watts for lane in found.lanes]),
        (RDMA_MODULE_TRANSMIT_POWER, [lane.sent_watts for lane in found.lanes]),
    ):
        if measured := [one for one in watts if one is not None]:
            yield port.sample(metric, min(measured))
    if found.flags is not None:
        yield from _flags(port, found.flags)


def electrical(port: NetPort) -> Iterator[Sample]:
    """Yield what the module is supplied with, and what its lasers take."""
    found = decode(port.eeprom)
    bias = max(filter(None, (lane.bias_amperes for lane in found.lanes)), default=None)
    for metric, value in ((RDMA_MODULE_VOLTAGE, found.supply_volts), (RDMA_MODULE_BIAS, bias)):
        if value is not None:
            yield port.sample(metric, value)


def _flags(port: NetPort, flags: tuple[Flag, ...]) -> Iterator[Sample]:
    yield port.sample(RDMA_MODULE_FLAGS, len(flags))
    for flag in flags[:MOST_FLAGS]:
        lane = "" if flag.lane is None else str(flag.lane)
        yield port.sample(RDMA_MODULE_FLAG, 1, lane, flag.name)


FACILITY = Facility(
    family="rdma_ethtool",
    name="modules",
    reads="temperature, light and faults of the transceiver in each RDMA port's cage",
    readings=(module,),
)

DETAIL_FACILITY = Facility(
    family="rdma_ethtool",
    name="modules_detail",
    reads="supply voltage and laser current of the transceiver in each RDMA port's cage",
    readings=(electrical,),
    on=False,
)

SLOW = frozenset({FACILITY.name, DETAIL_FACILITY.name})
"""Facilities that are read once a minute."""
