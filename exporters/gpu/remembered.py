"""What is remembered of a GPU when the program ends: who it was, and when it last answered."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from exporters.gpu.inventory import UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """One GPU; the times are unix time, None where there was none."""

    slot: str
    index: int = UNKNOWN
    uuid: str = ""
    name: str = ""
    serial: str = ""
    vbios: str = ""
    answered: float | None = None
    reset: float | None = None
    """In the boot that stands beside it."""
    boot: str = ""
    learned: bool = False
    """Whether it was there through a full healthy period."""


_UNKNOWN = asdict(Remembered(slot=""))
_TEXTS = ("slot", "uuid", "name", "serial", "vbios", "boot")


def read(section: Any) -> tuple[Remembered, ...]:
    """Return what a kept section tells; ValueError where it is none of ours."""
    if section is None:
        return ()
    entries = section.get("gpus") if isinstance(section, dict) else None
    if not isinstance(entries, list):
        raise ValueError("expected a list gpus")  # noqa: TRY004 - of data, not of an argument
    return tuple(_one(entry) for entry in entries)


def _one(said: Any) -> Remembered:
    """Return one; what a newer program adds is passed over, what an older one lacked is not known.

    So neither an upgrade nor the way back forgets which GPUs there should be.
    """
    if not isinstance(said, dict) or "slot" not in said:
        raise ValueError(f"expected the fields of a GPU, not {said!r}")
    entry = {name: said.get(name, value) for name, value in _UNKNOWN.items()}
    texts = all(isinstance(entry[name], str) for name in _TEXTS)
    times = all(isinstance(entry[name], int | float | None) for name in ("answered", "reset"))
    if not (texts and times and type(entry["index"]) is int and type(entry["learned"]) is bool):
        raise ValueError(f"a field of the wrong kind in {entry!r}")
    if not entry["slot"]:
        raise ValueError("a GPU without a slot")
    return Remembered(**entry)


def section(gpus: Mapping[str, Remembered]) -> dict[str, Any]:
    """Return the section that keeps these GPUs."""
    return {"gpus": [asdict(gpus[slot]) for slot in sorted(gpus)]}
