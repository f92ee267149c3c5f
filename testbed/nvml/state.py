"""What steering does to a GPU or a node: changes to the records of a control file."""

import ctypes
import difflib
import hashlib
import time
import uuid as uuids
from collections.abc import Mapping, Sequence

from testbed.nvml.layout import (
    ABSENT,
    EVENTS,
    OPTIONAL,
    PROCEED,
    RULES,
    SIGNED,
    Control,
    Event,
    Gpu,
    Node,
    Rule,
)
from testbed.nvml.links import LINK, LINKS, clear, healthy
from testbed.nvml.parts import GPM, MIGS, PROCESSES, VGPUS, License, Mig, Process
from testbed.nvml.profiles import DRIVER, MigShape, Profile

_TEXTS = ("uuid", "name", "serial", "vbios", "gsp_version", "fabric_cluster")
_NOT_SET = ("lost", "rules", "energy_at", "gpm", "migs", "processes", "license", "vgpus", "links")
_FOLLOWS = {"power": "power_instant", "power_limit": "power_limit_requested"}
"""What is set to the same as another field, unless it is set to something of its own."""

_VOLATILE = ("ecc_corrected", "ecc_uncorrected", "sram_corrected", "sram_uncorrected")

FIELDS = tuple(field[0] for field in Gpu._fields_ if field[0] not in _NOT_SET)
"""The fields of a GPU that can be set."""


def card(profile: Profile, *, seed: str, gpu: int, predecessor: str = "") -> Gpu:
    """Return a healthy card for a slot; it differs from the one before, if there was one."""
    identity = f"{seed}/{gpu}/{predecessor}"
    number = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big")
    board, place = divmod(gpu, len(profile.buses))
    card = Gpu(
        uuid=f"GPU-{uuids.uuid5(uuids.NAMESPACE_OID, identity)}".encode(),
        serial=f"165{number:010}".encode(),
        name=profile.name.encode(),
        vbios=profile.vbios.encode(),
        minor=gpu,
        pci_domain=board,
        pci_bus=profile.buses[place],
        energy_at=_monotonic_ms(),
        **profile.values,
    )
    card.gsp_version = DRIVER.encode()
    card.fabric_cluster = uuids.UUID(int=0).hex.encode()
    for field, follows in _FOLLOWS.items():
        setattr(card, follows, getattr(card, field))
    connect(card)
    divide(card, profile.migs)
    return card


def connect(gpu: Gpu) -> None:
    """Connect the NVLinks of a GPU, as far as it has any, to NVSwitches."""
    for place in range(max(gpu.nvlinks, 0)):
        gpu.links[place] = healthy(place, gpu.nvlink_version)


def set_link(gpu: Gpu, link: int | None, values: Mapping[str, int]) -> None:
    """Set numbers of a link, by their names in links.py; without a link, of all."""
    if unknown := set(values) - set(LINK):
        near = difflib.get_close_matches(min(unknown), LINK) or LINK
        raise ValueError(f"a link has no field {min(unknown)!r}; there is {', '.join(near)}")
    for name, value in values.items():
        if not isinstance(value, int):
            raise TypeError(f"{name}={value!r}: expected a number")
    if not 0 <= (link or 0) < LINKS:
        raise ValueError(f"no link {link}: a GPU has up to {LINKS}")
    for one in gpu.links if link is None else (gpu.links[link],):
        for name, value in values.items():
            setattr(one, name, value)


def divide(gpu: Gpu, shapes: Sequence[MigShape]) -> None:
    """Divide a GPU into MIG devices, in the place of those that there were; none uses NVLink."""
    gpu.migs = (Mig * MIGS)()
    for place, shape in enumerate(shapes):
        identity = f"{gpu.uuid.decode()}/{shape.gpu_instance}/{shape.compute_instance}"
        gpu.migs[place] = Mig(
            uuid=f"MIG-{uuids.uuid5(uuids.NAMESPACE_OID, identity)}".encode(),
            profile=shape.profile.encode(),
            present=1,
            gpu_instance=shape.gpu_instance,
            compute_instance=shape.compute_instance,
            memory_total=shape.memory,
        )
        set_rates(gpu.migs[place], {"nvlink_sent": ABSENT, "nvlink_received": ABSENT})


def set_rates(to: Gpu | Mig, rates: Mapping[str, float]) -> None:
    """Set what GPM tells, by its names in parts.py."""
    for name, rate in rates.items():
        if name not in GPM:
            near = difflib.get_close_matches(name, GPM) or GPM
            raise ValueError(f"GPM tells no {name!r}; there is {', '.join(near)}")
        to.gpm[GPM.index(name)] = rate


def set_processes(gpu: Gpu, processes: Sequence[Process]) -> None:
    """Put these processes on a GPU, in the place of those that there were."""
    gpu.processes = (Process * PROCESSES)(*processes)


def set_vgpus(gpu: Gpu, licenses: Sequence[License]) -> None:
    """Make a GPU the host of these vGPUs."""
    gpu.vgpu_host = 1
    gpu.vgpus = (License * VGPUS)(*licenses)


def get(gpu: Gpu, field: str) -> int | str:
    """Return a field of a GPU."""
    value: int | bytes = getattr(gpu, _known(field))
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value


def assign(gpu: Gpu, values: Mapping[str, int | str]) -> None:
    """Set fields of a GPU; a volatile ECC counter takes its aggregate along when it rises.

    A text may hold bytes that are not UTF-8, as surrogates (PEP 383).
    """
    _settle_energy(gpu)
    for field, value in values.items():
        _check(_known(field), value)
        if field in _VOLATILE:
            risen = max(0, int(value) - getattr(gpu, field))
            aggregate = f"{field}_aggregate"
            setattr(gpu, aggregate, getattr(gpu, aggregate) + risen)
        setattr(gpu, field, _bytes(value) if isinstance(value, str) else value)
    for field in _FOLLOWS.keys() & values.keys():
        if _FOLLOWS[field] not in values:
            setattr(gpu, _FOLLOWS[field], getattr(gpu, field))
    if "mig_mode" in values and "mig_mode_pending" not in values:
        gpu.mig_mode_pending = gpu.mig_mode
    if gpu.memory_used + gpu.memory_reserved > gpu.memory_total:
        raise ValueError(f"memory_used and memory_reserved exceed {gpu.memory_total} bytes")


def reset(gpu: Gpu) -> None:
    """Set to zero what a reset of the GPU sets to zero."""
    for field in (
        *_VOLATILE,
        "sram_parity",
        "sram_secded",
        "recovery_action",
        "remapped_pending",
        "retired_pending",
    ):
        if getattr(gpu, field) != ABSENT:
            setattr(gpu, field, 0)
    for link in gpu.links:
        clear(link)


def boot(gpu: Gpu) -> None:
    """Set a GPU to what it is after a boot: answering, and counting from zero."""
    gpu.lost = 0
    gpu.pcie_replay = 0
    gpu.energy, gpu.energy_at = 0, _monotonic_ms()
    clear_rules(gpu)
    reset(gpu)


def append(to: Control, gpu: int, kind: int, data: int) -> None:
    """Put an event in the ring, over the oldest one."""
    to.node.sequence += 1
    sequence = to.node.sequence
    when = time.time_ns() // 1000
    to.events[sequence % EVENTS] = Event(
        sequence=sequence, gpu=gpu, type=kind, data=data, time=when
    )


def add_rule(of: Gpu | Node, call: str, kind: int, value: int) -> None:
    """Put a rule where one for the same call stands, else in a free place."""
    name = call.encode()
    places = [place for place, rule in enumerate(of.rules) if rule.call == name]
    places += [place for place, rule in enumerate(of.rules) if rule.kind == PROCEED]
    if not places:
        raise ValueError(f"there are {RULES} rules already; recover first")
    of.rules[places[0]] = Rule(call=name, kind=kind, value=value)


def clear_rules(of: Gpu | Node) -> None:
    """Let every call be as it was."""
    of.rules = (Rule * RULES)()


def _known(field: str) -> str:
    if field not in FIELDS:
        near = difflib.get_close_matches(field, FIELDS) or FIELDS
        raise ValueError(f"a simulated GPU has no field {field!r}; there is {', '.join(near)}")
    return field


def _check(field: str, value: int | str) -> None:
    """Refuse what ctypes would cut to fit."""
    if isinstance(value, str) != (field in _TEXTS):
        raise TypeError(f"{field}={value!r}: expected {'text' if field in _TEXTS else 'a number'}")
    lowest = -(1 << 31) if field in SIGNED else ABSENT if field in OPTIONAL else 0
    if isinstance(value, int) and not lowest <= value < 1 << 63:
        raise ValueError(f"{field}={value}: expected {lowest} to 2^63-1")
    size = getattr(Gpu, field).size
    if isinstance(value, str) and len(_bytes(value)) >= size:
        raise ValueError(f"{field}={value!r}: expected less than {size} bytes")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _settle_energy(gpu: Gpu) -> None:
    """Book the energy drawn so far, at the power of until now."""
    now = _monotonic_ms()
    gpu.energy += gpu.power * (now - gpu.energy_at) // 1000
    gpu.energy_at = now


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def cleared_events() -> "ctypes.Array[Event]":
    """Return a ring without events."""
    return (Event * EVENTS)()
