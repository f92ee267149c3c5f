"""What the bridge writes of a GPU's fault, read by what gives out shared GPUs."""

from collections.abc import Mapping
from typing import Any

import pytest

from catalog.verdicts import Verdict
from health_bridge.decision.alerts import read_prometheus
from health_bridge.decision.decide import decide
from health_bridge.decision.sight import Sight, Witness
from scheduler_feedback.share.gpus import Faulty, read_faulty
from tests.health_bridge import worlds

LABELS: Mapping[str, Any] = {
    "alertname": "GpuFellOffBus",
    "alertstate": "firing",
    "fault": "GpuFellOffBus",
    "condition": "GpuUnavailable",
    "scope": "gpu",
    "node": "n1",
    "uuid": "GPU-8f3b1c2e",
    "gpu": "3",
}


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"verdict": "drain"}, Faulty(barred=frozenset({3}))),
        ({"verdict": "avoid"}, Faulty(worn=frozenset({3}))),
        ({"verdict": "drain", "gpu": ""}, Faulty(unknown=True)),
    ],
    ids=["barred", "worn", "by an index that nobody told"],
)
def test_the_gpu_that_the_bridge_names_is_the_gpu_that_is_not_given_out(
    told: dict[str, str], read: Faulty
) -> None:
    reading = read_prometheus([{**LABELS, **told}], worlds.KNOWN, "", {})
    sight = Sight(
        now=worlds.NOW,
        findings=reading.findings,
        witnesses={worlds.SOURCE: Witness(observed={"n1": worlds.ALL})},
    )
    nodes = [worlds.node("n1", gpus=(8, 8))]

    (after,) = worlds.written(
        nodes, decide(nodes, sight, worlds.policy(verdict_max=Verdict.DRAIN), {})
    )

    assert reading.skipped == {}
    assert read_faulty(worlds.document(after)) == read
