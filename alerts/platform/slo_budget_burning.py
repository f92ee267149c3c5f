"""An objective's error budget of 30 days is gone within days if this goes on."""

from datetime import timedelta

from alerts.model import Alert
from alerts.objectives import OBJECTIVE, Pair, expression

FAST = Pair(long="1h", short="5m", threshold="fast", burn=14.4, spends="2 %")
SLOW = Pair(long="6h", short="30m", threshold="slow", burn=6, spends="5 %")

ALERT = Alert(
    name="SloBudgetBurning",
    device=OBJECTIVE,
    needs_fleet=True,
    expr=expression(FAST, SLOW),
    hold=timedelta(minutes=2),
    severity="critical",
    summary=f"{OBJECTIVE.title} loses its error budget within days",
    description=(
        f"{OBJECTIVE.title} is missed $fast times faster than it allows over an hour, or $slow "
        "times over six: a month's error budget is gone in two to five days. See the fleet "
        "dashboard for what is lost (goodput) or not observed (telemetry), and since when."
    ),
    why="Something takes many GPUs, or the sight of many nodes, at once.",
    first_step="Find on the fleet dashboard which nodes, leaf or rail it has in common.",
    thresholds=(FAST.figure, SLOW.figure),
    scenarios=(*FAST.scenarios, *SLOW.scenarios),
)
