"""What the kernel's log tells of GPUs: Xids, SXids of NVSwitches, who is in which slot, resets.

All patterns stand at the beginning of a message, where no name that a program gave itself can come.
Forms as public reports show them: with and without `PCI:`, a function, a GPU instance, a process.
"""

import re
from dataclasses import dataclass

from catalog import nvlink5, sxid, xid

LONGEST = 2048
"""Characters of a message that are looked at; the kernel cuts its own at about half of that."""

_SLOT = r"(?:PCI:)?([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})(?:\.([0-7]))?"
_XID = re.compile(rf"NVRM: Xid \({_SLOT}(?: GPU-I:\d+)?\): (\d{{1,4}}),", re.ASCII)
_SXID = re.compile(
    rf"nvidia-(nvswitch\d{{1,2}}): SXid \({_SLOT}\): (\d{{5}}), (Fatal|Non-fatal),", re.ASCII
)
_NAMED = re.compile(
    rf"NVRM: GPU at {_SLOT}: (GPU-[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})"
)
_ADDED = re.compile(
    r"pci ([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7]): \[10de:[0-9a-f]{4}\] "
    r"type [0-9a-f]{2} class 0x030[02]"
)
"""The kernel found a GPU on the bus: at the boot, or after it was removed or the slot had power."""

_WITHDRAWN = re.compile(r"GPU recovery action changed from 0x[1-9a-f][0-9a-f]* .{0,40}? to 0x0 ")
"""Of Xid 154: the driver asks for nothing any more, as it does once the GPU was reset."""

_REGISTERS = re.compile(
    r"\b([A-Z][A-Z0-9_]+) +(?:Non-?fatal|(?:Link )?Fatal)\b"
    r"[^(]{0,80}\(0x([0-9a-f]{1,8}) 0x([0-9a-f]{1,8})[ )]",
    re.IGNORECASE | re.ASCII,
)

FELL_OFF = 79
_RECOVERY_ACTION = 154

_HIGHEST = 1023
"""NVIDIA's catalogue ends at 172; what lies far beyond is no Xid, and must not become a series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class XidLine:
    """An Xid; `resolution` is NVIDIA's, of the sub-code where the line has one that it knows."""

    slot: str
    code: int
    resolution: str
    withdrawn: bool = False
    """Whether it says that no recovery is asked for any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SxidLine:
    """An NVSwitch's error; lines that follow with its data are not told again."""

    switch: str
    slot: str
    code: int
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameLine:
    """Which GPU is in a slot; the driver writes it before a GPU's first Xid."""

    slot: str
    uuid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedLine:
    """A GPU was found on the bus, fresh out of reset."""

    slot: str


Line = XidLine | SxidLine | NameLine | AddedLine


def parse(message: str) -> Line | None:
    """Return what a message of the kernel tells, None where it is none of these."""
    if not message.startswith(("NVRM: ", "nvidia-nvswitch", "pci ")):
        return None
    message = message[:LONGEST]
    if found := _ADDED.match(message):
        return AddedLine(slot=_slot(*found.groups()))
    if found := _XID.match(message):
        return _xid(found, message)
    if found := _SXID.match(message):
        switch, domain, bus, device, function, code, said = found.groups()
        return SxidLine(
            switch=switch,
            slot=_slot(domain, bus, device, function),
            code=int(code),
            severity=sxid.severity(int(code), logged_fatal=said == "Fatal"),
        )
    if found := _NAMED.match(message):
        *slot, uuid = found.groups()
        return NameLine(slot=_slot(*slot), uuid=uuid)
    return None


def _xid(found: re.Match[str], message: str) -> XidLine | None:
    *slot, code = found.groups()
    number = int(code)
    if not 0 < number <= _HIGHEST:
        return None
    text = message[found.end() :]
    return XidLine(
        slot=_slot(*slot),
        code=number,
        resolution=_resolution(number, text),
        withdrawn=number == _RECOVERY_ACTION and _WITHDRAWN.search(text) is not None,
    )


def _resolution(code: int, text: str) -> str:
    if nvlink5.resolutions(code) and (found := _REGISTERS.search(text)):
        unit, intrinfo, status = found.groups()
        if rule := nvlink5.decode(code, unit, int(intrinfo, 16), int(status, 16)):
            return rule.resolution
    return xid.resolution(code)


def _slot(domain: str, bus: str, device: str, function: str | None = None) -> str:
    """Return the PCI function as sysfs names it: 0000:18:00.0."""
    return f"{int(domain, 16):04x}:{bus}:{device}.{function or 0}".lower()
