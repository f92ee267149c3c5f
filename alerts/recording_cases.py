"""Unit tests for promtool of the recording rule: what is observed, and what only looks like it."""

import math
from datetime import timedelta
from typing import Any

from alerts.discovery import SHARD
from alerts.promql import UP, duration
from alerts.recording import STALE_RUNS
from alerts.tuning import Intervals
from catalog import labels
from catalog.exporter import COLLECTOR_AGE, COLLECTOR_STATE, EXPORTER_INTERVAL

_NODE = f'{labels.NODE}="node-1",{labels.INSTANCE}="node-1"'
_FACILITY = 'family="gpu",facility="xid"'
_RUN = 5
"""Seconds between two readings of the exporter in these tests."""


def document(intervals: Intervals) -> dict[str, Any]:
    """Return promtool's test file."""
    oldest = STALE_RUNS * _RUN
    return {
        "rule_files": [f"../rules/{SHARD}/recording.yaml"],
        "evaluation_interval": duration(intervals.evaluation),
        "tests": [
            _test(intervals, "a collector that succeeds is observed", 1),
            _test(intervals, "three runs old is just fresh", 1, age=f"{oldest}x200"),
            _test(intervals, "older is not", 0, age=f"{oldest + 1}x200"),
            _test(intervals, "a collector that fails is not", 0, state="0x200"),
            _test(intervals, "a collector that has never run is not", None, state="_x200"),
            _test(intervals, "nothing is while the exporter is down", 0, up="1x4 0x200"),
            _test(
                intervals,
                "nothing is when the exporter died unseen and its last samples are still found",
                0,
                state="1x2",
                age="1x2",
                up="1x2 0x200",
            ),
            _test(
                intervals,
                "nothing is when the target went unseen and its last samples are still found",
                0,
                state="1x2",
                age="1x2",
                up="1x2",
            ),
        ],
    }


def _test(  # noqa: PLR0913 - one parameter a series
    intervals: Intervals,
    name: str,
    expected: int | None,
    *,
    state: str = "1x200",
    age: str = "1x200",
    up: str = "1x200",
) -> dict[str, Any]:
    series = {
        f'{COLLECTOR_STATE.name}{{{_NODE},{_FACILITY},state="ok"}}': state,
        f"{COLLECTOR_AGE.name}{{{_NODE},{_FACILITY}}}": age,
        f"{EXPORTER_INTERVAL.name}{{{_NODE}}}": f"{_RUN}x200",
        f"{UP.metric}{{{_NODE},{UP.matchers[0]}}}": up,
    }
    recorded = f'{labels.OBSERVED}{{family="gpu",facility="xid",{labels.NODE}="node-1"}}'
    sample = [] if expected is None else [{"labels": recorded, "value": expected}]
    asked = {
        "expr": labels.OBSERVED,
        "eval_time": duration(_asked(intervals)),
        "exp_samples": sample,
    }
    return {
        "name": name,
        "interval": duration(intervals.scrape),
        "input_series": [{"series": k, "values": v} for k, v in series.items()],
        "promql_expr_test": [asked],
    }


def _asked(intervals: Intervals) -> timedelta:
    """Return the first evaluation by which a sample of the third scrape is not fresh any more.

    It comes before Prometheus' look-back of five minutes has forgotten that sample.
    """
    return math.ceil(6 * intervals.scrape / intervals.evaluation) * intervals.evaluation
