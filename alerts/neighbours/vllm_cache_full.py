"""A vLLM engine has no room left for what requests remember."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, of_namespace
from alerts.promql import Series, by
from catalog.labels import CLUSTER, NAMESPACE
from catalog.neighbours_jobs import VLLM_CACHE, VLLM_CACHE_BEFORE, VLLM_WAITING

WAITS = Series(VLLM_WAITING.name)
NOW, BEFORE = Series(VLLM_CACHE.name), Series(VLLM_CACHE_BEFORE.name)
KEYS = (NAMESPACE, "model_name")
DEVICE = of_namespace(
    f"Model {shown('model_name')} in {shown(NAMESPACE)}", "vllm", model_name="llm-70b"
)


def _mean(of: str | Series) -> str:
    return f"avg by ({by(CLUSTER, *KEYS)}) ({of})"


def _scenario(name: str, series: Series) -> Scenario:
    return Scenario(
        name=name,
        signals=(
            Signal(series=WAITS, healthy=2),
            Signal(series=series, healthy=0.4, below=At(threshold="share", plus=-0.01), faulty=1),
        ),
    )


ALERT = Alert(
    name="VllmCacheFull",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        ({_mean(NOW)} or {_mean(BEFORE)}) > $share
        and
        {_mean(WAITS)} > 0
        """,
    hold=timedelta(minutes=10),
    severity="warning",
    summary=f"{DEVICE.title} has no memory left for requests",
    description=(
        f"More than $share of the cache of keys and values of {DEVICE.title} has been in use for "
        "ten minutes while requests wait: some are put back and computed twice. Add replicas, or "
        "allow shorter contexts."
    ),
    why="GPUs compute the same tokens twice, and all requests get slower.",
    first_step="Look at vllm:num_preemptions_total.",
    thresholds=(Threshold(name="share", default=0.95, meaning="Share in use.", source=OWN_GUESS),),
    scenarios=(
        _scenario("long contexts", NOW),
        _scenario("an engine that uses the name of before", BEFORE),
    ),
)
