"""Faults that come back: each return within the window doubles the soak that proves recovery. Pure.

The proof's query has its soak within it. A soak of n times as long is proven where the query held
at n evaluations, one soak apart, which one subquery asks of Prometheus.
"""

from collections.abc import Iterable, Mapping

from catalog.conditions import ACCELERATORS_UNVERIFIED
from health_bridge.decision.record import MAX_HISTORY, Fault, Past, Record

MAX_TIMES = 16
"""The longest a soak grows to, as a multiple."""

Key = tuple[str, str]


def times(key: Key, history: Mapping[Key, Past]) -> int:
    """Return how many soaks in a row an open fault must be proven healthy for."""
    past = history.get(key)
    return 1 if past is None else min(MAX_TIMES, 2 ** min(past.count, MAX_TIMES))


def grown(query: str, soak: float, count: int) -> str:
    """Return the query that proves `count` soaks in a row, each of `soak` seconds."""
    if count == 1:
        return query
    milliseconds = round(soak * 1000)
    window = f"[{count * milliseconds}ms:{milliseconds}ms]"
    return f"count_over_time(((\n{query}\n) == 1){window}) >= bool {count}"


def remember(record: Record, faults: Iterable[Fault], now: float, window: float) -> dict[Key, Past]:
    """Return what is remembered from now on, given the faults that are open now.

    What a person has vouched for is repaired and not remembered; nor is a reboot that was verified.
    """
    if not window:
        return {}
    open_now = {fault.key for fault in faults}
    word = record.verified
    kept = {
        key: past
        for key, past in record.history.items()
        if key in open_now or now - past.last <= window
    }
    for fault in record.faults:
        if fault.key in open_now or fault.condition == ACCELERATORS_UNVERIFIED.type:
            continue
        if word is not None and word.covers(fault.since, now):
            kept.pop(fault.key, None)
        else:
            before = kept.get(fault.key)
            kept[fault.key] = Past(count=before.count + 1 if before else 1, last=int(now))
    return _newest(kept, open_now)


def _newest(history: Mapping[Key, Past], open_now: set[Key]) -> dict[Key, Past]:
    """Keep what bears on open faults, then what cleared last."""
    ranked = sorted(history, key=lambda key: (key not in open_now, -history[key].last, key))
    return {key: history[key] for key in ranked[:MAX_HISTORY]}
