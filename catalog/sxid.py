"""SXids, the errors of NVSwitches, as NVIDIA has them; the table is `sxid.csv` beside this file."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

FATAL = "fatal"
NON_FATAL = "non_fatal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sxid:
    """One code; where NVIDIA's guide leaves a severity open it is None, and a text empty."""

    code: int
    name: str
    potential_fatal: bool | None
    always_fatal: bool | None
    impact: str
    recovery: str


_TRUTH = {"true": True, "false": False}


@cache
def table() -> dict[int, Sxid]:
    """Return the catalogue by code."""
    text = resources.files("catalog").joinpath("sxid.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        int(row["sxid"]): Sxid(
            code=int(row["sxid"]),
            name=row["name"],
            potential_fatal=_TRUTH.get(row["potential_fatal"]),
            always_fatal=_TRUTH.get(row["always_fatal"]),
            impact=row["impact"],
            recovery=row["recovery"],
        )
        for row in rows
    }


def severity(code: int, *, logged_fatal: bool) -> str:
    """Return how grave one error is: as the driver logged it, unless it is always fatal."""
    known = table().get(code)
    always = known is not None and known.always_fatal is True
    return FATAL if logged_fatal or always else NON_FATAL
