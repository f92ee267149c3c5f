"""What the alerts of RDMA ports share: who a port is, and how a proof of its health begins."""

from alerts.devices import PORT
from alerts.evidence import Held, held
from alerts.model import Signal
from alerts.promql import SOME, Series, by, select
from catalog.labels import NODE
from catalog.metrics import Metric
from catalog.rdma import RDMA_PORT_INFO, RDMA_PORT_STATE
from catalog.rdma_counters import DRIVER, PMA
from catalog.rdma_counters import by_file as counters

ACTIVE = 4
"""IBTA PortState: 1 Down, 2 Initialize, 3 Armed, 4 Active, 5 ActiveDefer."""

KEYS = (NODE, *PORT.keys)
INFO = Series(RDMA_PORT_INFO.name)
STATE = Series(RDMA_PORT_STATE.name)

KNOWN = held(select(RDMA_PORT_INFO, guid=SOME), 1)
"""The port is there, under this GUID."""
IS_ACTIVE: Held = held(STATE, ACTIVE)

IS_THERE = (Signal(series=INFO, healthy=1), Signal(series=STATE, healthy=ACTIVE))
"""In scenarios in which the port itself is there and active."""


def of_port(expr: str) -> str:
    """Return one alert a port, with its GUID, where an expression over ports is true."""
    return f"""
        max by ({by(*PORT.labels)}) (
          {INFO} * on ({by(*KEYS)}) group_left ()
            max by ({by(*KEYS)}) ({expr})
        )
        """


def counter(file: str) -> Metric:
    """Return the metric of a counter that the kernel shows under this file name."""
    known = counters()
    return known[(PMA, file) if (PMA, file) in known else (DRIVER, file)].metric
