"""Xid codes as NVIDIA's catalogue has them; the table is `xid.csv` beside this file."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

ACTIONABLE = frozenset(
    {
        "CHECK_MECHANICALS",
        "RESET_GPU",
        "RESTART_BM",
        "RESTART_VM",
        "WORKFLOW_NVLINK_ERR",
        "WORKFLOW_NVLINK5_ERR",
        "WORKFLOW_XID_48",
    }
)
"""Resolutions that ask the node's owner to do something to the hardware.

Contacting support is none of them: 62 codes ask for it, most of them never seen, and a series for
each on every GPU would cost more than it tells.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Xid:
    """One code; `resolution` is NVIDIA's immediate resolution, `unknown` where it gives none."""

    code: int
    mnemonic: str
    description: str
    resolution: str

    @property
    def actionable(self) -> bool:
        """Whether NVIDIA's resolution asks something of the node's owner."""
        return self.resolution in ACTIONABLE


@cache
def table() -> dict[int, Xid]:
    """Return the catalogue by code."""
    text = resources.files("catalog").joinpath("xid.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        int(row["code"]): Xid(
            code=int(row["code"]),
            mnemonic=row["mnemonic"],
            description=row["description"],
            resolution=row["immediate_resolution"] or "unknown",
        )
        for row in rows
    }


def resolution(code: int) -> str:
    """Return NVIDIA's resolution for a code, `unknown` for one the catalogue lacks."""
    xid = table().get(code)
    return xid.resolution if xid else "unknown"
