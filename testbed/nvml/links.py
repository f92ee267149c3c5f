"""Numbers of a GPU beside what it computes: an NVLink's record, and what a healthy one says."""

import ctypes
from collections.abc import Mapping

LINKS = 18
BINS = 16
"""Bins of the history of forward error correction: by how many symbols had to be corrected."""

ABSENT = -1

_STATUS = ("state", "version", "speed", "remote_type", "remote_bus", "remote_link")
_ERRORS = ("replay", "recovery", "crc", "crc_flit", "crc_data", "ecc_data")
_ERRORS_5 = (
    *("malformed_packet", "buffer_overrun", "receive", "receive_remote", "receive_general"),
    *("local_integrity", "transmit_discard", "effective", "symbol"),
    *("raw_lane0", "raw_lane1", "retransmitted_block"),
    *("recovered", "recovery_failed", "recovery_events"),
)
_RATIOS_5 = ("effective_ber", "symbol_ber", "raw_ber")
_HISTORY_5 = tuple(f"fec_{place}" for place in range(BINS))
_KIBIBYTES = ("data_tx", "data_rx")
_BYTES_5 = ("tx_bytes", "rx_bytes")

LINK = (*_STATUS, *_ERRORS, *_KIBIBYTES, *_ERRORS_5, *_RATIOS_5, *_HISTORY_5, *_BYTES_5)
"""Numbers of a link, any of which it may not have (ABSENT); data_tx and data_rx are in KiB.

A ratio is written as nvml.h says: the mantissa in bits 8 to 11, the exponent in bits 0 to 7.
"""

CONNECTED = (
    "power_instant",
    "power_limit_requested",
    "pcie_replay_rollover",
    "pcie_lane_errors",
    "pcie_tx_bytes",
    "pcie_rx_bytes",
    "nvlinks",
    "nvlink_version",
    "c2c_links",
    "c2c_active",
    "c2c_bandwidth",
    "c2c_crc",
    "c2c_replay",
    "c2c_replay_b2b",
    "remapped_bank_rows_correctable",
    "remapped_bank_rows_uncorrectable",
    "remapped_bank_active",
    "remapped_bank_inactive",
    "remapped_bank_max",
    "remapped_bank_none",
    "remapped_bank_pending",
    "repair_channel",
    "repair_tpc",
    "unrepairable_memory",
    "fabric_structure",
    "fabric_state",
    "fabric_status",
    "fabric_clique",
    "fabric_health",
    "fabric_summary",
    "gsp_enabled",
)
"""Numbers of a GPU about its power, its links, its firmware and the fabric; each may be ABSENT.

The first `c2c_active` of the `c2c_links` are active; errors are those of each.
`pcie_lane_errors` are those of each lane.
"""

INACTIVE, ACTIVE, SLEEP, NO_TRAFFIC = range(4)
"""NVML_NVLINK_STATE_*."""

GPU_REMOTE, NPU_REMOTE, SWITCH_REMOTE = range(3)
"""nvmlIntNvLinkDeviceType_t."""

NO_ERRORS_BER = 15 << 8 | 255
"""15e-255, which a link says that had none."""


class Link(ctypes.Structure):
    """One NVLink of a GPU."""

    _fields_ = tuple((name, ctypes.c_int64) for name in LINK)


KEPT = (*_STATUS, *_RATIOS_5)
"""What a reset of the GPU does not set to zero."""

_SPEED = {4: 25_000, 6: 26_562, 7: 53_125}
"""NVLink 3.0, 4.0 and 5.0, in MB/s each way, as `nvidia-smi nvlink -s` has them."""


def _told(version: int) -> Mapping[str, int]:
    old = _ERRORS if version < 6 else _ERRORS[:3]  # noqa: PLR2004 - NVLink 4.0, since Hopper
    if version < 7:  # noqa: PLR2004 - NVLink 5.0, since Blackwell
        return dict.fromkeys((*old, *_KIBIBYTES), 0)
    counted = dict.fromkeys((*_ERRORS_5, *_HISTORY_5, *_BYTES_5, *_KIBIBYTES), 0)
    return counted | dict.fromkeys(_RATIOS_5, NO_ERRORS_BER)


def healthy(place: int, version: int) -> Link:
    """Return a link to an NVSwitch, active and without errors."""
    status = {
        "state": ACTIVE,
        "version": version,
        "speed": _SPEED[version],
        "remote_type": SWITCH_REMOTE,
        "remote_bus": 0x05 + place % 4,
        "remote_link": place * 3,
    }
    told = {**status, **_told(version)}
    return Link(**{name: told.get(name, ABSENT) for name in LINK})


def clear(link: Link) -> None:
    """Set what a link counts to zero."""
    for name in LINK:
        if name not in KEPT and getattr(link, name) != ABSENT:
            setattr(link, name, 0)
