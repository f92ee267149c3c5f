"""The status page: read-only HTML and JSON of what the last cycle found and did.

It needs no script, no font and no other file, and says so to the browser: whatever a label holds,
nothing in the page can run or load anything. Jinja escapes every value.
"""

from collections.abc import Mapping
from pathlib import Path

import jinja2
import msgspec

from health_bridge.status import MAX_NODES, Status
from program.durations import format_duration
from program.web import JSON, Response

HTML = "text/html; charset=utf-8"

LEAST_REFRESH = 5
"""Seconds; a page that reloads more often cannot be read."""

_HEADERS = (
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)


def _bound(seconds: float | None) -> str:
    return "" if seconds is None else f"≤ {format_duration(seconds)}"


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["bound"] = _bound
    return made


_TEMPLATE = _environment().get_template("page.html")


def html(status: Status) -> Response:
    """Return the page."""
    refresh = max(LEAST_REFRESH, round(status.facts.interval))
    text = _TEMPLATE.render(s=status, f=status.facts, refresh=refresh, most=MAX_NODES)
    return Response(body=text.encode("utf-8", "replace"), content_type=HTML, headers=_HEADERS)


def json(status: Status) -> Response:
    """Return the same for programs; what is the same as in the metrics is left out."""
    facts = status.facts
    document = {
        "version": 1,
        "at": status.at,
        "mode": facts.mode,
        "leader": facts.leads,
        "paused": facts.paused,
        "error": facts.error,
        "last_cycle": status.began,
        "verdict_max": status.verdict_max,
        "counts": status.counts,
        "states": status.states,
        "budgets": status.budgets,
        "withheld": status.withheld,
        "sources": status.sources,
        "latencies": status.hops,
        "shadow": None if facts.imagined is None else _pairs(facts.imagined.taints),
        "daemonsets": {"state": facts.survey.state, "intolerant": status.daemon_sets},
        "filter": status.filter,
        "matching": status.matching,
        "nodes": status.nodes,
    }
    return Response(body=msgspec.json.encode(document), content_type=JSON, headers=_HEADERS[1:])


def _pairs(counts: Mapping[tuple[str, str], int]) -> list[dict[str, object]]:
    return [
        {"condition": condition, "verdict": verdict, "nodes": count}
        for (condition, verdict), count in sorted(counts.items())
    ]
