"""How often the loop looks, and how fast it may write."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When the loop looks, and what at."""

    interval: float
    timeout: float
    selector: str = ""
    dry_run: bool = False
    write_rate: float = 400.0
    """Requests that write nodes, a second; and how many at once after a rest."""
    write_burst: int = 100
    write_workers: int = 16
