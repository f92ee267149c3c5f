"""What NVLinks tell, by kind: which field it is, on which generation of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from catalog.gpu_nvlink import LINK_STATES, REMOTES, UNKNOWN_REMOTE, UNKNOWN_STATE
from exporters.errors import Absent, NoDriver, Unreadable
from exporters.gpu.fields import LinkField

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

V = TypeVar("V")

ERRORS = {
    "replay": (LinkField.NVLINK_ERROR_DL_REPLAY, LinkField.NVLINK_REPLAY_ERROR_COUNT),
    "recovery": (LinkField.NVLINK_ERROR_DL_RECOVERY, LinkField.NVLINK_RECOVERY_ERROR_COUNT),
    "crc": (LinkField.NVLINK_ERROR_DL_CRC,),
    "crc_flit": (LinkField.NVLINK_CRC_FLIT_ERROR_COUNT,),
    "crc_data": (LinkField.NVLINK_CRC_DATA_ERROR_COUNT,),
    "ecc_data": (LinkField.NVLINK_ECC_DATA_ERROR_COUNT,),
    "malformed_packet": (LinkField.NVLINK_COUNT_MALFORMED_PACKET_ERRORS,),
    "buffer_overrun": (LinkField.NVLINK_COUNT_BUFFER_OVERRUN_ERRORS,),
    "receive": (LinkField.NVLINK_COUNT_RCV_ERRORS,),
    "receive_remote": (LinkField.NVLINK_COUNT_RCV_REMOTE_ERRORS,),
    "receive_general": (LinkField.NVLINK_COUNT_RCV_GENERAL_ERRORS,),
    "local_integrity": (LinkField.NVLINK_COUNT_LOCAL_LINK_INTEGRITY_ERRORS,),
    "transmit_discard": (LinkField.NVLINK_COUNT_XMIT_DISCARDS,),
    "effective": (LinkField.NVLINK_COUNT_EFFECTIVE_ERRORS,),
    "symbol": (LinkField.NVLINK_COUNT_SYMBOL_ERRORS,),
    "retransmitted_block": (LinkField.NVLINK_PLR_XMIT_RETRY_BLOCKS,),
}
"""Errors by kind; of several fields, the first that there is."""

CORRECTED = {
    "raw_lane0": (LinkField.NVLINK_COUNT_RAW_ERRORS_LANE0,),
    "raw_lane1": (LinkField.NVLINK_COUNT_RAW_ERRORS_LANE1,),
}
"""Errors before correction, which every link has all the time; told of each link alone."""

RECOVERIES = {
    "successful": LinkField.NVLINK_COUNT_LINK_RECOVERY_SUCCESSFUL_EVENTS,
    "failed": LinkField.NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS,
}

RATIOS = {
    "raw": LinkField.NVLINK_COUNT_RAW_BER_V2,
    "effective": LinkField.NVLINK_COUNT_EFFECTIVE_BER,
    "symbol": LinkField.NVLINK_COUNT_SYMBOL_BER,
}

_KIBIBYTE = 1024

TRANSMITTED = {
    LinkField.NVLINK_COUNT_XMIT_BYTES: 1,
    LinkField.NVLINK_THROUGHPUT_DATA_TX: _KIBIBYTE,
}
RECEIVED = {
    LinkField.NVLINK_COUNT_RCV_BYTES: 1,
    LinkField.NVLINK_THROUGHPUT_DATA_RX: _KIBIBYTE,
}
"""What passed, by field, and its unit in bytes; of several, the first that there is."""

_MEGA = 1_000_000
_FASTEST = 10 * _MEGA
"""Megabytes a second; no link comes near."""


def first(fields: Sequence[LinkField], read: Callable[[LinkField], V]) -> tuple[LinkField, V]:
    """Return the first field that there is, and what it tells; Absent where there is none."""
    *others, last = fields
    for field in others:
        try:
            return field, read(field)
        except NoDriver:
            raise
        except Absent:
            continue
    return last, read(last)


def state_name(state: int) -> str:
    """Return the name of a link's state; one of a newer driver is unknown."""
    return LINK_STATES[state] if 0 <= state < len(LINK_STATES) else UNKNOWN_STATE


def remote_name(remote: int) -> str:
    """Return the name of what a link leads to."""
    return REMOTES.get(remote, UNKNOWN_REMOTE)


def speed(told: float) -> float:
    """Return bytes a second; NVML tells megabytes."""
    if not 0 <= told <= _FASTEST:
        raise Unreadable(f"NVML_FI_DEV_NVLINK_GET_SPEED: {told:g} MB/s cannot be")
    return told * _MEGA


def ratio(told: float) -> float:
    """Return a bit error ratio; NVML tells mantissa (bits 8 to 11) and exponent (0 to 7) of it.

    `NVML_NVLINK_ERROR_COUNTER_BER_GET` in nvml.h; the exponent is that of 1/10.
    """
    mantissa, exponent = divmod(int(told), 256)
    value = mantissa * 10.0**-exponent
    if not 0 <= mantissa <= 15 or value > 1:  # noqa: PLR2004 - four bits
        raise Unreadable(f"NVML_FI_DEV_NVLINK_COUNT_*_BER: {told:g} is no ratio")
    return value
