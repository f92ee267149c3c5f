"""Durations as Prometheus writes them: `5s`, `1m30s`, `500ms`."""

import re

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WHOLE = re.compile(r"(?:[0-9]{1,12}(?:ms|[smhdw]))+")
_PART = re.compile(r"([0-9]+)(ms|[smhdw])")


def parse_duration(text: str) -> float:
    """Return the seconds in a duration; ValueError where it is none."""
    if text == "0":
        return 0.0
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 5s, 1m30s or 500ms")
    return float(sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(text)))


def format_duration(seconds: float) -> str:
    """Return the shortest Prometheus duration for a number of seconds, to the millisecond."""
    rest = round(seconds * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
