"""What a healthy, idle GPU of each model says; where its cards sit on an eight-GPU baseboard."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from testbed.nvml.generations import ADA, AMPERE, BLACKWELL, HOPPER, TURING, Values

XID = 0x8
"""nvmlEventTypeXidCriticalError."""

DRIVER = "580.95.05"
CUDA = 13_000
"""Versions of the simulated driver; CUDA 13.0 as NVML writes it."""

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MigShape:
    """A MIG device as the card is divided: the instances' numbers, the memory in bytes."""

    profile: str
    gpu_instance: int
    compute_instance: int = 0
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A model of GPU; `values` are the GPU's fields in layout.py that identity does not give."""

    name: str
    vbios: str
    buses: tuple[int, ...]
    values: Mapping[str, int]
    migs: tuple[MigShape, ...] = ()


_HGX_BUSES = (0x1B, 0x43, 0x52, 0x61, 0x9D, 0xC3, 0xD1, 0xDF)
_PCIE_BUSES = (0x01, 0x25, 0x41, 0x61, 0x81, 0xA1, 0xC1, 0xE1)


def _card(  # noqa: PLR0913 - what tells one model from another, all by keyword
    name: str,
    vbios: str,
    generation: Values,
    *,
    ids: tuple[int, int],
    mebibytes: tuple[int, int, int],
    memory_clock: int,
    buses: tuple[int, ...] = _HGX_BUSES,
) -> Profile:
    """Return a model; `mebibytes` are its memory, what of it is reserved, and its BAR1."""
    total, reserved, bar1 = (amount * _MIB for amount in mebibytes)
    own = {
        "pci_device_id": ids[0] << 16 | _NVIDIA,
        "pci_subsystem_id": ids[1] << 16 | _NVIDIA,
        "memory_total": total,
        "memory_reserved": reserved,
        "bar1_total": bar1,
        "clock_memory": memory_clock,
        "clock_memory_max": memory_clock,
    }
    return Profile(name=name, vbios=vbios, buses=buses, values={**generation, **own})


_NVIDIA = 0x10DE

_A100 = _card(
    "NVIDIA A100-SXM4-80GB",
    "92.00.45.00.03",
    AMPERE,
    ids=(0x20B2, 0x1463),
    mebibytes=(81_920, 625, 131_072),
    memory_clock=1593,
)
_H100 = _card(
    "NVIDIA H100 80GB HBM3",
    "96.00.89.00.01",
    HOPPER,
    ids=(0x2330, 0x16C1),
    mebibytes=(81_559, 551, 131_072),
    memory_clock=2619,
)


def _divided(whole: Profile, reserve: int) -> Profile:
    """Return a card divided into four; each part's memory is `reserve` MiB short of its name."""
    shapes = (("3g.40gb", 2, 40), ("2g.20gb", 3, 20), ("1g.10gb", 9, 10), ("1g.10gb", 10, 10))
    migs = tuple(
        MigShape(profile=name, gpu_instance=number, memory=(size * 1024 - reserve) * _MIB)
        for name, number, size in shapes
    )
    return replace(whole, migs=migs, values={**whole.values, "mig_mode": 1, "mig_mode_pending": 1})


PROFILES: Mapping[str, Profile] = {
    "H100": _H100,
    "H100-MIG": _divided(_H100, 288),
    "H200": _card(
        "NVIDIA H200",
        "96.00.C1.00.05",
        HOPPER,
        ids=(0x2335, 0x18BE),
        mebibytes=(143_771, 610, 262_144),
        memory_clock=3201,
    ),
    "B200": _card(
        "NVIDIA B200",
        "97.00.88.00.1F",
        BLACKWELL,
        ids=(0x2901, 0x1999),
        mebibytes=(183_359, 740, 262_144),
        memory_clock=3996,
    ),
    "A100": _A100,
    "A100-MIG": _divided(_A100, 512),
    "L40S": _card(
        "NVIDIA L40S",
        "95.02.66.00.02",
        ADA,
        ids=(0x26B9, 0x1851),
        mebibytes=(46_068, 490, 65_536),
        memory_clock=9001,
        buses=_PCIE_BUSES,
    ),
    "T4": _card(
        "Tesla T4",
        "90.04.A7.00.01",
        TURING,
        ids=(0x1EB8, 0x12A2),
        mebibytes=(15_360, 436, 256),
        memory_clock=5001,
        buses=_PCIE_BUSES,
    ),
}
