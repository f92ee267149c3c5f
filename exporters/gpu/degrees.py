"""Which temperatures can be."""

from exporters.errors import Unreadable

MOST = 200
"""°C, as a temperature or as a margin."""


def plausible(name: str, value: float) -> float:
    """Return the value; Unreadable where no GPU has that temperature or margin."""
    if not -MOST <= value <= MOST:
        raise Unreadable(f"{name}: {value:g} °C cannot be")
    return value
