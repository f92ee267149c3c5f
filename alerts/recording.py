"""The recording rule that says what is observed at all."""

from typing import Any

from alerts.promql import UP, Series, by, duration, fresh, latest, select, written
from alerts.tuning import Intervals
from catalog.exporter import COLLECTOR, COLLECTOR_AGE, COLLECTOR_STATE, EXPORTER_INTERVAL
from catalog.labels import CLUSTER, NODE, OBSERVED

GROUP = "railwatch.recording"

STALE_RUNS = 3
"""A collector that has not succeeded for this many of its intervals observes nothing."""

FACILITY = (NODE, *COLLECTOR)

_OK = select(COLLECTOR_STATE, state="ok")


def observed(intervals: Intervals) -> str:
    """Return PromQL: 1 where a collector succeeds, is fresh and was just scraped, else 0.

    The 0 is needed. When an exporter dies while Prometheus is down, no staleness marker is ever
    written, neither for its series nor for what was recorded from them: both would be found by
    Prometheus' look-back for another five minutes. An explicit 0 stands in their way.
    """
    interval = latest(Series(EXPORTER_INTERVAL.name), NODE)
    facility = by(CLUSTER, *FACILITY)
    return f"""
        max by ({facility}) (
            {_OK} == 1
          and on ({facility})
            {COLLECTOR_AGE.name} <= on ({by(NODE)}) group_left () {STALE_RUNS} * {interval}
          and on ({by(NODE)})
            {UP} == 1
          and on ({facility})
            {fresh(_OK, intervals.scrape)}
        )
        or
        max by ({facility}) (0 * {_OK})
        """


def group(intervals: Intervals) -> dict[str, Any]:
    """Return the rule group of the recording rules."""
    return {
        "name": GROUP,
        "interval": duration(intervals.evaluation),
        "rules": [{"record": OBSERVED, "expr": written(observed(intervals))}],
    }
