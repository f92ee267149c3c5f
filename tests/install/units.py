"""What systemd's units say."""

from pathlib import Path


def settings(unit: Path) -> list[tuple[str, str]]:
    """Return a unit's lines as names and values."""
    text = unit.read_text(encoding="utf-8").replace("\\\n", " ")
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return [(name, value) for name, sign, value in pairs if sign]
