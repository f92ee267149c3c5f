"""The program's web routes: the extender's verbs, metrics, and whether it can do its work."""

from collections.abc import Callable

from program.web import Request, Response, Routes, text
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.extender import BIND, FILTER, PREEMPT, PRIORITIZE, Extender
from scheduler_feedback.metrics import Metrics


def routes(
    nodes: NodeCache,
    metrics: Metrics,
    *,
    trouble: Callable[[], str],
    dead: Callable[[], list[str]],
    extender: Extender | None = None,
) -> Routes:
    """Return the routes; the extender answers by health alone where none is given.

    `trouble` says what is wrong with the watch, if anything; `dead` names the threads that ended
    though they never should.
    """
    extender = extender or Extender(nodes, metrics)

    def alive(_request: Request) -> Response:
        ended = dead()
        return text(f"ended: {', '.join(ended)}\n", 503) if ended else text("ok\n")

    def ready(_request: Request) -> Response:
        return _readiness(nodes, trouble())

    return {
        ("POST", f"/{FILTER}"): extender.filter,
        ("POST", f"/{PRIORITIZE}"): extender.prioritize,
        ("POST", f"/{PREEMPT}"): extender.preempt,
        ("POST", f"/{BIND}"): extender.bind,
        ("GET", "/metrics"): metrics.expose,
        ("GET", "/healthz"): alive,
        ("GET", "/readyz"): ready,
    }


def _readiness(nodes: NodeCache, trouble: str) -> Response:
    if nodes.fresh:
        return text("ok\n")
    age = nodes.age
    state = "nodes not listed yet" if age is None else f"node cache is {age:.0f} s old"
    return text(f"not ready: {state}{f'; {trouble}' if trouble else ''}\n", 503)
