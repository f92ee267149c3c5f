"""How a budget, or another limit, is written on the command line, and how many nodes it is."""

import math
import re
from dataclasses import dataclass

from program.durations import parse_duration

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)(%?)")
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9._/]{0,250}[A-Za-z0-9])?")


def budget(text: str) -> str:
    """Return a budget as it is written; ValueError where it is none."""
    budget_size(text, 1)
    return text


def budget_size(budget: str, nodes: int) -> int:
    """Return how many of `nodes` a budget such as `3` or `10%` is: rounded up, at least 1."""
    match = _BUDGET.fullmatch(budget)
    if match is None:
        raise ValueError(f"{budget!r} is neither a number of nodes nor a percentage such as 10%")
    value = float(match[1])
    if match[2]:
        if not 0 < value <= 100:  # noqa: PLR2004 - per cent
            raise ValueError(f"{budget!r} is not between 0% and 100%")
        # 7% of 100 is 7.000000000000001 in floating point, and must not become 8.
        return max(1, math.ceil(round(value * nodes / 100, 9)))
    if value < 1 or value != int(value):
        raise ValueError(f"{budget!r} is not a whole number of nodes, at least 1")
    return int(value)


def tier_budget(text: str) -> tuple[str, str]:
    """Return tier and budget of `0=50%`; ValueError where it is not of that form."""
    tier, separator, size = text.partition("=")
    if not separator or not tier.isascii() or not tier.isdecimal():
        raise ValueError(f"{text!r} is not of the form TIER=NODES, such as 0=50%")
    return str(int(tier)), budget(size)


def label_budget(text: str) -> tuple[str, str]:
    """Return key and budget of `pool=20%`; ValueError where it is not of that form."""
    key, separator, size = text.rpartition("=")
    if not separator or not _LABEL.fullmatch(key):
        raise ValueError(f"{text!r} is not of the form LABEL=NODES, such as pool=20%")
    return key, budget(size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many nodes may be newly taken within a window of time."""

    nodes: str
    window: float
    """Seconds."""


def rate(text: str) -> Rate | None:
    """Return the rate of `5%/10m`, None for an empty text; ValueError where it is none."""
    if not text:
        return None
    nodes, separator, window = text.partition("/")
    seconds = parse_duration(window) if separator else 0.0
    if not seconds:
        raise ValueError(f"{text!r} is not of the form NODES/DURATION, such as 5%/10m")
    return Rate(nodes=budget(nodes), window=seconds)


def rate_text(text: str) -> str:
    """Return a rate as it is written; ValueError where it is none."""
    rate(text)
    return text


def share(text: str) -> float:
    """Return a percentage as a fraction; ValueError where it is not from 0% to 100%."""
    match = _BUDGET.fullmatch(text)
    if match is None or not match[2] or float(match[1]) > 100:  # noqa: PLR2004 - per cent
        raise ValueError(f"{text!r} is not a percentage such as 50%")
    return float(match[1]) / 100


def percentage(text: str) -> str:
    """Return a percentage as it is written; ValueError where it is none."""
    share(text)
    return text


def count(text: str) -> int:
    """Return a whole number, at least 1; ValueError where it is none."""
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise ValueError(f"{text!r} is not a whole number, at least 1")
    return int(text)


def per_second(text: str) -> float:
    """Return how many a second; ValueError where it is no number above zero."""
    match = _BUDGET.fullmatch(text)
    if match is None or match[2] or not float(match[1]):
        raise ValueError(f"{text!r} is not a number above zero")
    return float(match[1])


_SIZE = re.compile(r"([1-9][0-9]{0,9})(KiB|MiB|GiB)?")
_UNITS = {None: 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def size(text: str) -> int:
    """Return the bytes of `64MiB`; ValueError where it is no size."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 64MiB")
    return int(match[1]) * _UNITS[match[2]]


def size_text(text: str) -> str:
    """Return a size as it is written; ValueError where it is none."""
    size(text)
    return text
