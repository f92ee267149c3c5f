"""The control file's layout, written once: ctypes structures, and the C header made from them.

The file holds one `Control`. It is replaced, never changed in place, so a reader that opens it sees
one version whole. Every number is a signed 64-bit integer, in the unit NVML reports it in.
"""

import ctypes
from typing import Any

from testbed.nvml.links import BINS, CONNECTED, LINKS, Link
from testbed.nvml.parts import (
    COMPUTE,
    GPM,
    GRAPHICS,
    MIGS,
    MPS,
    PROCESSES,
    SAMPLES,
    VGPUS,
    License,
    Mig,
    Process,
)

MAGIC = b"RWNVML1"
GPUS = 16
EVENTS = 256
RULES = 8
SETS = 128
"""Event sets that one program can hold."""

ABSENT = -1
"""The value of a field that this card does not have: NVML says NOT_SUPPORTED."""

NONE_SIGNED = -(1 << 31)
"""The same of a field that may be below zero."""

PROCEED, ERROR, HANG, SLOW, STICK = range(5)
"""What a rule does to a call: nothing, return `value`, sleep until it is gone, take `value` ms,
read from the file system that never answers until it is gone."""

STUCK = "stuck"
"""Where that file system is mounted, beside the control file."""


OPTIONAL = (
    "remapped_correctable",
    "remapped_uncorrectable",
    "remapped_pending",
    "remapped_failed",
    "banks_max",
    "banks_high",
    "banks_partial",
    "banks_low",
    "banks_none",
    "retired_single_bit",
    "retired_double_bit",
    "retired_pending",
    "recovery_action",
    "clocks_limited",
    "clocks_limitable",
    "limited_sw_power_cap",
    "limited_sync_boost",
    "limited_board_limit",
    "limited_reliability",
    "limited_sw_thermal_slowdown",
    "limited_hw_thermal_slowdown",
    "limited_hw_power_brake_slowdown",
    "pcie_generation",
    "pcie_generation_max",
    "pcie_lanes",
    "pcie_lanes_max",
    "pcie_replay",
    "pcie_recovery",
    "pcie_correctable",
    "pcie_naks_received",
    "pcie_receiver",
    "pcie_bad_tlp",
    "pcie_naks_sent",
    "pcie_bad_dllp",
    "pcie_non_fatal",
    "pcie_fatal",
    "pcie_unsupported_request",
    "pcie_lcrc",
    "memory_temperature",
    "temperature_shutdown",
    "temperature_slowdown",
    "temperature_memory_max",
    "temperature_gpu_max",
    "fans",
    "fan_speed",
    "compute_mode",
    "bar1_total",
    "bar1_used",
    "encoder_utilization",
    "decoder_utilization",
    "jpeg_utilization",
    "ofa_utilization",
    "sram_parity",
    "sram_secded",
    "sram_l2",
    "sram_sm",
    "sram_pcie",
    "sram_mcu",
    "sram_other",
    "sram_threshold_exceeded",
    "mig_mode",
    "mig_mode_pending",
    "gpm_supported",
    "vgpu_host",
    *CONNECTED,
)
"""Numbers of a GPU that may be ABSENT."""

SIGNED = (
    "temperature_margin",
    "margin_shutdown",
    "margin_slowdown",
    "margin_memory_max",
    "margin_gpu_max",
)
"""Numbers of a GPU that may be below zero, or NONE_SIGNED."""


class Rule(ctypes.Structure):
    """What happens to the calls whose name matches the shell pattern `call`."""

    _fields_ = (
        ("call", ctypes.c_char * 64),
        ("kind", ctypes.c_int64),
        ("value", ctypes.c_int64),
    )


class Event(ctypes.Structure):
    """An entry of the ring: event number `sequence` stands in slot `sequence % EVENTS`.

    `time` is in microseconds of the unix clock.
    """

    _fields_ = (
        ("sequence", ctypes.c_int64),
        ("gpu", ctypes.c_int64),
        ("type", ctypes.c_int64),
        ("data", ctypes.c_int64),
        ("time", ctypes.c_int64),
    )


class Gpu(ctypes.Structure):
    """One GPU; its numbers and texts are simply set, the rest has methods of its own."""

    _fields_ = (
        ("uuid", ctypes.c_char * 80),
        ("name", ctypes.c_char * 96),
        ("serial", ctypes.c_char * 32),
        ("vbios", ctypes.c_char * 32),
        ("gsp_version", ctypes.c_char * 64),
        ("fabric_cluster", ctypes.c_char * 40),
        ("pci_domain", ctypes.c_int64),
        ("pci_bus", ctypes.c_int64),
        ("pci_device", ctypes.c_int64),
        ("pci_device_id", ctypes.c_int64),
        ("pci_subsystem_id", ctypes.c_int64),
        ("minor", ctypes.c_int64),
        ("lost", ctypes.c_int64),
        ("event_types", ctypes.c_int64),
        ("memory_total", ctypes.c_int64),
        ("memory_reserved", ctypes.c_int64),
        ("memory_used", ctypes.c_int64),
        ("utilization", ctypes.c_int64),
        ("memory_utilization", ctypes.c_int64),
        ("temperature", ctypes.c_int64),
        ("power", ctypes.c_int64),
        ("power_limit", ctypes.c_int64),
        ("power_limit_default", ctypes.c_int64),
        ("power_limit_min", ctypes.c_int64),
        ("power_limit_max", ctypes.c_int64),
        ("energy", ctypes.c_int64),
        ("energy_at", ctypes.c_int64),
        ("clock_graphics", ctypes.c_int64),
        ("clock_sm", ctypes.c_int64),
        ("clock_memory", ctypes.c_int64),
        ("clock_video", ctypes.c_int64),
        ("clock_graphics_max", ctypes.c_int64),
        ("clock_sm_max", ctypes.c_int64),
        ("clock_memory_max", ctypes.c_int64),
        ("clock_video_max", ctypes.c_int64),
        ("performance_state", ctypes.c_int64),
        ("persistence_mode", ctypes.c_int64),
        ("ecc_mode", ctypes.c_int64),
        ("ecc_corrected", ctypes.c_int64),
        ("ecc_uncorrected", ctypes.c_int64),
        ("ecc_corrected_aggregate", ctypes.c_int64),
        ("ecc_uncorrected_aggregate", ctypes.c_int64),
        ("sram_corrected", ctypes.c_int64),
        ("sram_uncorrected", ctypes.c_int64),
        ("sram_corrected_aggregate", ctypes.c_int64),
        ("sram_uncorrected_aggregate", ctypes.c_int64),
        *((name, ctypes.c_int64) for name in (*OPTIONAL, *SIGNED)),
        ("gpm", ctypes.c_double * len(GPM)),
        ("migs", Mig * MIGS),
        ("processes", Process * PROCESSES),
        ("license", License),
        ("vgpus", License * VGPUS),
        ("links", Link * LINKS),
        ("rules", Rule * RULES),
    )


class Node(ctypes.Structure):
    """What is the node's: versions, the cards that are there (a bit each), rules for every call.

    The library does not read `seed` and `profile`: cards are made of them.
    """

    _fields_ = (
        ("magic", ctypes.c_char * 8),
        ("size", ctypes.c_int64),
        ("gpu_count", ctypes.c_int64),
        ("present", ctypes.c_int64),
        ("sequence", ctypes.c_int64),
        ("cuda_version", ctypes.c_int64),
        ("driver_version", ctypes.c_char * 80),
        ("nvml_version", ctypes.c_char * 80),
        ("seed", ctypes.c_char * 256),
        ("profile", ctypes.c_char * 16),
        ("rules", Rule * RULES),
    )


class Control(ctypes.Structure):
    """The whole file."""

    _fields_ = (
        ("node", Node),
        ("events", Event * EVENTS),
        ("gpus", Gpu * GPUS),
    )


def c_header() -> str:
    """Return the C declarations of the same layout, with its sizes asserted."""
    constants = {"GPUS": GPUS, "EVENTS": EVENTS, "RULES": RULES, "SETS": SETS}
    constants |= {"ABSENT": ABSENT, "NONE_SIGNED": NONE_SIGNED, "SAMPLES": SAMPLES}
    constants |= {"MIGS": MIGS, "PROCESSES": PROCESSES, "VGPUS": VGPUS, "GPM": len(GPM)}
    constants |= {"LINKS": LINKS, "BINS": BINS}
    constants |= {"COMPUTE": COMPUTE, "GRAPHICS": GRAPHICS, "MPS": MPS}
    constants |= {f"GPM_{name.upper()}": place for place, name in enumerate(GPM)}
    constants |= {"PROCEED": PROCEED, "ERROR": ERROR, "HANG": HANG, "SLOW": SLOW, "STICK": STICK}
    lines = ["/* Made by testbed/nvml/layout.py. */", "#pragma once", "#include <stdint.h>"]
    lines += [f"#define CONTROL_{name} ({value})" for name, value in constants.items()]
    lines += [f'#define CONTROL_MAGIC "{MAGIC.decode()}"', f'#define CONTROL_STUCK "{STUCK}"']
    for structure in (Rule, Event, Mig, Process, License, Link, Gpu, Node, Control):
        lines += _declaration(structure)
    return "\n".join(lines) + "\n"


def _declaration(structure: type[ctypes.Structure]) -> list[str]:
    name = structure.__name__.lower()
    fields = [f"    {_member(field[0], field[1])};" for field in structure._fields_]
    size = ctypes.sizeof(structure)
    check = f'_Static_assert(sizeof(struct {name}) == {size}, "layout of {name}");'
    return [f"struct {name} {{", *fields, "};", check]


def _member(name: str, kind: Any) -> str:
    if issubclass(kind, ctypes.Array):
        return f"{_c_type(kind._type_)} {name}[{kind._length_}]"
    return f"{_c_type(kind)} {name}"


def _c_type(kind: Any) -> str:
    if issubclass(kind, ctypes.Structure):
        return f"struct {kind.__name__.lower()}"
    return {ctypes.c_char: "char", ctypes.c_int64: "int64_t", ctypes.c_double: "double"}[kind]
