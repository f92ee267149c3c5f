"""What dashboards read of the programs that serve models, beside what alerts read of them.

As in `neighbours`, `source` names the owner's repository and path; `namespace` is a target label
that the usual scrapes set.
"""

from collections.abc import Mapping

from catalog.foreign import Foreign, foreign
from catalog.labels import NAMESPACE
from catalog.metrics import Kind

_GAUGE, _COUNTER, _HISTOGRAM = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM


def _vllm(name: str, kind: Kind, text: str, *labels: str) -> Foreign:
    source = "vllm-project/vllm: vllm/v1/metrics/loggers.py"
    labels = (NAMESPACE, "model_name", "engine", *labels)
    return foreign(f"vllm:{name}", kind, text, labels=labels, source=source)


VLLM_RUNNING = _vllm("num_requests_running", _GAUGE, "Requests that an engine works on.")
VLLM_FIRST_TOKEN = _vllm(
    "time_to_first_token_seconds",
    _HISTOGRAM,
    "Time from a request's arrival to its first token, waiting included.",
)
VLLM_NEXT_TOKEN = _vllm(
    "inter_token_latency_seconds", _HISTOGRAM, "Time from one token of an answer to the next."
)
VLLM_NEXT_TOKEN_BEFORE = _vllm(
    "time_per_output_token_seconds", _HISTOGRAM, "The same under the name it had before."
)
VLLM_WHOLE = _vllm(
    "e2e_request_latency_seconds", _HISTOGRAM, "Time from a request's arrival to its last token."
)
VLLM_QUEUED = _vllm(
    "request_queue_time_seconds", _HISTOGRAM, "Time that a request waits before it is begun."
)
VLLM_ENDED = _vllm(
    "request_success_total",
    _COUNTER,
    "Requests that ended, by why: stop and length are answers, abort is a client that went away.",
    "finished_reason",
)
VLLM_PREEMPTED = _vllm(
    "num_preemptions_total",
    _COUNTER,
    "Requests put back for want of memory, and computed anew.",
)
VLLM_READ = _vllm("prompt_tokens_total", _COUNTER, "Tokens of prompts that were read.")
VLLM_WRITTEN = _vllm("generation_tokens_total", _COUNTER, "Tokens that were written.")
VLLM_PREFIX_HITS = _vllm(
    "prefix_cache_hits_total", _COUNTER, "Tokens of prompts that were known from earlier ones."
)
VLLM_PREFIX_QUERIES = _vllm(
    "prefix_cache_queries_total", _COUNTER, "Tokens of prompts that were looked for there."
)


def _triton(name: str, kind: Kind, text: str, path: str) -> Foreign:
    source = f"triton-inference-server/{path}"
    labels = (NAMESPACE, "model", "version")
    return foreign(f"nv_inference_{name}", kind, text, labels=labels, source=source)


_CORE = "core: src/metrics.cc"
TRITON_PENDING = _triton(
    "pending_request_count",
    _GAUGE,
    "Requests that no backend has begun.",
    "server: docs/user_guide/metrics.md",
)
TRITON_DURATION = _triton(
    "request_duration_us", _COUNTER, "Time that requests took, waiting included.", _CORE
)
TRITON_QUEUED = _triton("queue_duration_us", _COUNTER, "Time that requests waited.", _CORE)
TRITON_FIRST = _triton(
    "first_response_histogram_ms",
    _HISTOGRAM,
    "Time to a request's first response, where Triton is told histogram_latencies=true.",
    "core: src/metric_model_reporter.h",
)

_RAY = "ray-project/ray:"
_SERVE = "python/ray/serve/_private"


def _ray(name: str, kind: Kind, text: str, *labels: str, path: str) -> Foreign:
    return foreign(f"ray_{name}", kind, text, labels=(NAMESPACE, *labels), source=f"{_RAY} {path}")


_DEPLOYMENT = ("application", "deployment")
_REPLICA = (*_DEPLOYMENT, "replica")
RAY_ACTORS = _ray(
    "actors",
    _GAUGE,
    "Actors by state.",
    *("State", "Name", "Source", "JobId", "SessionName"),
    path="src/ray/stats/metric_defs.cc",
)
RAY_SERVE_QUEUED = _ray(
    "serve_deployment_queued_queries",
    _GAUGE,
    "Requests that wait for a replica of a deployment.",
    *_DEPLOYMENT,
    path=f"{_SERVE}/router.py",
)
RAY_SERVE_RUNNING = _ray(
    "serve_replica_processing_queries",
    _GAUGE,
    "Requests that a replica works on.",
    *_REPLICA,
    path=f"{_SERVE}/replica.py",
)
RAY_SERVE_DURATION = _ray(
    "serve_deployment_processing_latency_ms",
    _HISTOGRAM,
    "Time that a replica works on a request.",
    *(*_REPLICA, "route"),
    path=f"{_SERVE}/replica.py",
)
RAY_SERVE_REQUESTS = _ray(
    "serve_deployment_request_counter_total",
    _COUNTER,
    "Requests that a replica has answered.",
    *(*_REPLICA, "route"),
    path=f"{_SERVE}/replica.py; the suffix: python/ray/_private/metrics_agent.py",
)
RAY_SERVE_ERRORS = _ray(
    "serve_deployment_error_counter_total",
    _COUNTER,
    "Exceptions in a replica.",
    *(*_REPLICA, "route"),
    path=f"{_SERVE}/replica.py; the suffix: python/ray/_private/metrics_agent.py",
)

SERVING_NEIGHBOURS: Mapping[str, tuple[Foreign, ...]] = {
    "vllm": (
        *(VLLM_RUNNING, VLLM_FIRST_TOKEN, VLLM_NEXT_TOKEN, VLLM_NEXT_TOKEN_BEFORE, VLLM_WHOLE),
        *(VLLM_QUEUED, VLLM_ENDED, VLLM_PREEMPTED, VLLM_READ, VLLM_WRITTEN),
        *(VLLM_PREFIX_HITS, VLLM_PREFIX_QUERIES),
    ),
    "triton": (TRITON_PENDING, TRITON_DURATION, TRITON_QUEUED, TRITON_FIRST),
    "ray": (
        *(RAY_ACTORS, RAY_SERVE_QUEUED, RAY_SERVE_RUNNING, RAY_SERVE_DURATION),
        *(RAY_SERVE_REQUESTS, RAY_SERVE_ERRORS),
    ),
}
"""By the program that exposes them."""
