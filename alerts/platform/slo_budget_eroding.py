"""An objective's error budget of 30 days will not last the month."""

from datetime import timedelta

from alerts.model import Alert
from alerts.objectives import OBJECTIVE, Pair, expression

DAY = Pair(long="1d", short="2h", threshold="day", burn=3, spends="10 %")
DAYS = Pair(long="3d", short="6h", threshold="days", burn=1, spends="10 %")

ALERT = Alert(
    name="SloBudgetEroding",
    device=OBJECTIVE,
    needs_fleet=True,
    expr=expression(DAY, DAYS),
    hold=timedelta(minutes=15),
    severity="warning",
    summary=f"{OBJECTIVE.title} will not be met this month",
    description=(
        f"{OBJECTIVE.title} is missed $day times faster than it allows over a day, or more than "
        "$days times over three: a month's error budget does not last. See the health dashboard "
        "for the faults that stay open longest, and repair those first."
    ),
    why="Small faults that nobody repairs add up to a missed objective.",
    first_step="List the open faults by age on the health dashboard.",
    thresholds=(DAY.figure, DAYS.figure),
    scenarios=(*DAY.scenarios, *DAYS.scenarios),
)
