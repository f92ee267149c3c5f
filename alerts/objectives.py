"""What the alerts on objectives share: pairs of windows in which an error budget burns too fast.

The long window says that it matters, the short one that it is still so. Figures are for a budget of
30 days, after Google's SRE workbook, chapter 5.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.devices import Device, shown
from alerts.model import At, Scenario, Signal, Threshold
from alerts.promql import Series, by, latest, select
from catalog.fleet import GOODPUT, SLO_BURN, TELEMETRY
from catalog.labels import CLUSTER

SLO = "slo"

OBJECTIVE = Device(
    identity="",
    keys=(SLO,),
    labels=(SLO,),
    title=f"The objective {shown(SLO)}",
    samples=({SLO: GOODPUT}, {SLO: TELEMETRY}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two windows, and the threshold's name above which the budget burns too fast in both."""

    long: str
    short: str
    threshold: str
    burn: float
    spends: str
    """What the burn rate costs by the end of the long window."""

    @property
    def expr(self) -> str:
        """Return the expression that holds while both windows are above the threshold."""
        long, short = (latest(_burn(window), CLUSTER, SLO) for window in (self.long, self.short))
        limit = f"> ${self.threshold}"
        return f"{long} {limit} and on ({by(CLUSTER, SLO)}) {short} {limit}"

    @property
    def figure(self) -> Threshold:
        """Return the threshold as users may set it."""
        return Threshold(
            name=self.threshold,
            default=self.burn,
            meaning=f"Burn rate over {self.long} and over {self.short}; at most 1 / (1 - objective)"
            " can be reached.",
            source=f"Google's SRE workbook, chapter 5: {self.spends} of 30 days' budget",
        )

    @property
    def scenarios(self) -> Iterator[Scenario]:
        """Yield one in which one window alone is not enough, for each of the two."""
        bad, limit = At(threshold=self.threshold, times=1.2), At(threshold=self.threshold)
        long, short = _burn(self.long), _burn(self.short)
        yield Scenario(
            name=f"{self.long} are bad, and it is not over",
            signals=(
                Signal(series=long, healthy=0, below=bad, faulty=bad),
                Signal(series=short, healthy=0, below=limit, faulty=bad),
            ),
        )
        yield Scenario(
            name=f"{self.short} are bad, and for so long that it matters",
            signals=(
                Signal(series=long, healthy=0, below=limit, faulty=bad),
                Signal(series=short, healthy=0, below=bad, faulty=bad),
            ),
        )


def expression(*pairs: Pair) -> str:
    """Return the expression that holds for an objective while one pair does."""
    return "\nor\n".join(pair.expr for pair in pairs)


def _burn(window: str) -> Series:
    return select(SLO_BURN, window=window)
