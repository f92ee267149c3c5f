"""NVLink 5 errors: what Xids 144 to 150 mean, by the registers that the driver logs with them.

The first register (`intrinfo`) tells the unit, the second (`status`) the error within it. NVIDIA's
rules are `xid_nvlink5.csv` beside this file; they know two layouts of the first register.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources


class Severity(StrEnum):
    """How far an error reaches."""

    NON_FATAL = "non_fatal"
    LINK_FATAL = "link_fatal"
    FATAL = "fatal"


_MILDEST_FIRST = ("IGNORE", "XID_154_EVAL", "RESET_GPU")
"""The resolutions that the rules know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Bits that a register must have; `mask` are those that count."""

    mask: int
    bits: int

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Return the pattern that a text of 0, 1 and - stands for, highest bit first."""
        return cls(
            mask=int("".join("0" if c == "-" else "1" for c in text), 2),
            bits=int(text.replace("-", "0"), 2),
        )

    def fits(self, register: int) -> bool:
        """Whether a register has these bits."""
        return register & self.mask == self.bits


@dataclass(frozen=True, slots=True, kw_only=True)
class SubCode:
    """One rule: an error of one unit; `resolution` is NVIDIA's immediate resolution."""

    xid: int
    units: tuple[str, ...]
    """The names that drivers log for the unit."""
    layouts: tuple[Pattern, ...]
    status: int
    severity: Severity
    resolution: str
    investigation: str


@cache
def table() -> tuple[SubCode, ...]:
    """Return all rules."""
    text = resources.files("catalog").joinpath("xid_nvlink5.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        SubCode(
            xid=int(row["xid"]),
            units=tuple(row["unit"].split("/")),
            layouts=(
                Pattern.parse(row["intrinfo_pattern_v1"]),
                Pattern.parse(row["intrinfo_pattern_v2"]),
            ),
            status=int(row["error_status"], 16),
            severity=_severity(row["severity"]),
            resolution=row["immediate_resolution"],
            investigation=row["investigatory_resolution"],
        )
        for row in rows
    )


def _severity(text: str) -> Severity:
    """Return the severity without NVIDIA's footnote marks."""
    if text.startswith("Non-fatal"):
        return Severity.NON_FATAL
    return Severity.LINK_FATAL if text.startswith("Link Fatal") else Severity.FATAL


def decode(xid: int, unit: str, intrinfo: int, status: int) -> SubCode | None:
    """Return the rule for what a driver logged, None where there is none.

    A status register of single error bits may have several set: the gravest counts, and one unknown
    bit makes all unknown, as it may be graver still.
    """
    fitting = [
        rule
        for rule in table()
        if rule.xid == xid and any(layout.fits(intrinfo) for layout in rule.layouts)
    ]
    named = [rule for rule in fitting if unit in rule.units]
    return max(_of_status(named or fitting, status), key=_gravity, default=None)


def _of_status(rules: Sequence[SubCode], status: int) -> Sequence[SubCode]:
    if exact := [rule for rule in rules if rule.status == status]:
        return exact
    if not all(rule.status.bit_count() == 1 for rule in rules):
        return ()
    known = sum({rule.status for rule in rules})
    return [rule for rule in rules if rule.status & status] if status & ~known == 0 else ()


def _gravity(rule: SubCode) -> int:
    return _MILDEST_FIRST.index(rule.resolution)


@cache
def resolutions(xid: int) -> frozenset[str]:
    """Return every resolution that an Xid may be decoded to; none for one without sub-codes."""
    return frozenset(rule.resolution for rule in table() if rule.xid == xid)
