"""What is served in the story: vLLM's models, of which one is asked too much, Triton's, Ray's."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from catalog import neighbours_jobs as jobs
from catalog import neighbours_serving as serving
from catalog.metrics import Metric
from testbed.showcase.samples import Change, Sample, after, bucketed, grown, sample, wave

RUSHED, _RUSH = "llama-70b", (5.0, 6.2)
"""Hours in which more is asked of a model than its engines answer."""
_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
_FIRST = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0)
_WHOLE = (0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 240.0)
_MILLI = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0)
_RESPONSE = (100.0, 500.0, 2000.0, 5000.0)


def samples(at: float) -> Iterator[Sample]:
    """Yield everything of the programs that serve models."""
    for model, engine, busy in (
        (RUSHED, "0", 38),
        (RUSHED, "1", 38),
        ("qwen-7b", "0", 9),
    ):
        me = {"namespace": "serving", "model_name": model, "engine": engine}
        yield from _vllm(at, me, busy, rush=model == RUSHED and after(at, *_RUSH))
    yield from _triton(at)
    yield from _ray(at)


def _vllm(at: float, me: dict[str, str], busy: float, *, rush: bool) -> Iterator[Sample]:
    key = me["model_name"] + me["engine"]
    running = 48.0 if rush else round(wave(key, at, busy * 0.4, busy))
    yield sample(serving.VLLM_RUNNING, running, **me)
    yield sample(jobs.VLLM_WAITING, round(wave(f"wait{key}", at, 18, 34)) if rush else 0.0, **me)
    used = wave(f"kv{key}", at, 0.95, 1.0) if rush else running / 60
    yield sample(jobs.VLLM_CACHE, used, **me)
    yield sample(jobs.VLLM_CACHE_BEFORE, used, **me)
    yield from _counted(at, key, me, busy)
    yield from _timed(at, me, busy)


def _counted(at: float, key: str, me: dict[str, str], busy: float) -> Iterator[Sample]:
    def course(metric: Metric, rate: float, *changes: Change, **more: str) -> Sample:
        return sample(metric, round(grown(f"{metric.name}{key}", at, rate, *changes)), **me, **more)

    asked = busy / 20
    preempted = (*_RUSH, 0.2 if me["model_name"] == RUSHED else 0.0)
    yield course(serving.VLLM_READ, asked * 900)
    yield course(serving.VLLM_WRITTEN, asked * 350)
    yield course(serving.VLLM_PREFIX_QUERIES, asked * 900)
    yield course(serving.VLLM_PREFIX_HITS, asked * 380)
    yield course(serving.VLLM_PREEMPTED, 0.0, preempted)
    for reason, part in (("stop", 0.9), ("length", 0.08), ("abort", 0.02)):
        yield course(serving.VLLM_ENDED, asked * part, finished_reason=reason)


def _timed(at: float, me: dict[str, str], busy: float) -> Iterator[Sample]:
    asked = busy / 20
    big = 1.0 if me["model_name"] == RUSHED else 0.3
    for metric in (serving.VLLM_NEXT_TOKEN, serving.VLLM_NEXT_TOKEN_BEFORE):
        yield from bucketed(metric, at, _TOKEN, typical=0.04 * big, a_second=asked * 350, **me)
    for metric, typical, bounds in (
        (serving.VLLM_FIRST_TOKEN, 0.4 * big, _FIRST),
        (serving.VLLM_WHOLE, 14.0 * big, _WHOLE),
        (serving.VLLM_QUEUED, 0.2 * big, _WHOLE),
    ):
        yield from _waited(metric, at, bounds, typical=typical, asked=asked, me=me)


def _waited(  # noqa: PLR0913 - a histogram in which two kinds of requests are counted
    metric: Metric,
    at: float,
    bounds: Sequence[float],
    *,
    typical: float,
    asked: float,
    me: dict[str, str],
) -> Iterator[Sample]:
    """Yield times of requests, to which in the rush as many come that wait long beforehand."""
    start, end = (hour * 3600 for hour in _RUSH)
    rushed = max(0.0, min(at, end) - start) * (me["model_name"] == RUSHED)
    usual = bucketed(metric, at, bounds, typical=typical, a_second=asked, **me)
    late = bucketed(metric, rushed, bounds, typical=typical + 9, a_second=asked, **me)
    for one, other in zip(usual, late, strict=True):
        yield replace(one, value=one.value + other.value)


def _triton(at: float) -> Iterator[Sample]:
    for model, rate, typical in (("detector", 120.0, 0.012), ("embedder", 45.0, 0.03)):
        me = {"namespace": "vision", "model": model, "version": "1"}
        failing = (3.0, 3.4, rate * 0.08) if model == "embedder" else (0.0, 0.0, 0.0)
        answered = grown(model, at, rate)
        yield sample(jobs.TRITON_SERVED, round(answered), **me)
        failed = grown(f"no {model}", at, rate * 0.001, failing)
        yield sample(jobs.TRITON_FAILED, round(failed), **me)
        yield sample(serving.TRITON_DURATION, round(answered * typical * 1e6), **me)
        yield sample(serving.TRITON_QUEUED, round(answered * typical * 3e5), **me)
        pending = round(wave(f"pending{model}", at, 0, rate / 20))
        yield sample(serving.TRITON_PENDING, pending, **me)
    yield from bucketed(
        serving.TRITON_FIRST,
        at,
        _RESPONSE,
        typical=180.0,
        a_second=2.0,
        namespace="vision",
        model="captioner",
        version="1",
    )


def _ray(at: float) -> Iterator[Sample]:
    session = {"namespace": "notebooks", "SessionName": "session_1"}
    busy = 1 + round(wave("ray", at, 0, 2))
    for state, count in (("USED", busy), ("AVAILABLE", 3 - busy)):
        yield sample(jobs.RAY_RESOURCES, count, **session, Name="GPU", State=state)
    task = {"Name": "score", "Source": "owner", "IsRetry": "0", "JobId": "01000000"}
    for state, count in (("RUNNING", busy), ("PENDING_NODE_ASSIGNMENT", 4 * after(at, 4, 7))):
        yield sample(jobs.RAY_TASKS, count, **session, **task, State=state)
    actor = {"Name": "Scorer", "Source": "gcs", "JobId": "01000000"}
    for state, count in (("ALIVE", 6), ("PENDING_CREATION", 1)):
        yield sample(serving.RAY_ACTORS, count, **session, **actor, State=state)
    yield from _ray_serve(at)


def _ray_serve(at: float) -> Iterator[Sample]:
    me = {"namespace": "notebooks", "application": "rerank", "deployment": "Ranker"}
    yield sample(serving.RAY_SERVE_QUEUED, round(wave("ranker", at, 0, 9)), **me)
    for replica in ("a1", "b2"):
        mine = me | {"replica": replica}
        yield sample(serving.RAY_SERVE_RUNNING, round(wave(replica, at, 1, 5)), **mine)
        route = mine | {"route": "/rank"}
        yield sample(serving.RAY_SERVE_REQUESTS, round(grown(replica, at, 12)), **route)
        yield sample(serving.RAY_SERVE_ERRORS, round(grown(f"no {replica}", at, 0.05)), **route)
        yield from bucketed(
            serving.RAY_SERVE_DURATION, at, _MILLI, typical=70.0, a_second=12, **route
        )
