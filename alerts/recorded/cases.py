"""Unit tests for promtool of the recording rules, one file a subject."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from alerts.promql import UP, duration
from alerts.recorded import view
from alerts.recorded.model import RecordingSettings
from alerts.recorded.slo import WINDOWS
from alerts.tuning import Intervals
from catalog import fleet as recorded
from catalog import neighbours
from catalog.exporter import COLLECTOR_STATE
from catalog.gpu import GPU_POWER, GPU_STATE, GPU_UTILIZATION, GPU_XID_ERRORS
from catalog.gpu_allocation import GPU_ALLOCATION
from catalog.gpu_gpm import GPU_GRAPHICS_ACTIVE
from catalog.gpu_mig import GPU_MIG_INFO
from catalog.labels import OBSERVED
from catalog.metrics import Metric
from catalog.rdma import RDMA_PORT_EXPECTED, RDMA_PORT_RECEIVE, RDMA_PORT_STATE
from catalog.rdma_link import RDMA_BIT_ERROR_RATIO
from catalog.rdma_modules import RDMA_MODULE_FLAGS
from catalog.topology import RDMA_TOPOLOGY_INFO, UNKNOWN

Values = str | float
Inputs = Mapping[str, Values]
Answers = Mapping[str, float]


def one(metric: Metric | str, **labels: str) -> str:
    """Return one series as promtool writes it."""
    name = metric.name if isinstance(metric, Metric) else metric
    return f"{name}{{{','.join(f'{key}={value!r}' for key, value in labels.items())}}}".replace(
        "'", '"'
    )


def _gpu(uuid: str, *, state: str = "ok", busy: float = 0.0, holder: str = "") -> dict[str, Values]:
    at = {"node": "n1", "uuid": uuid}
    made: dict[str, Values] = {
        one(GPU_STATE, **at, state=state): 1,
        one(GPU_UTILIZATION, **at): busy,
    }
    if holder:
        made[one(GPU_ALLOCATION, **at, namespace=holder, pod="p")] = 1
    return made


def _fleet(_: RecordingSettings) -> tuple[Inputs, Answers]:
    facility = {"family": "gpu", "facility": "state"}
    inputs: dict[str, Values] = {}
    for node, up, seen, absent in (("a", 1, 1, 0), ("b", 1, 0, 0), ("c", 0, 0, 0), ("d", 1, 0, 1)):
        inputs[f'up{{{UP.matchers[0]},node="{node}"}}'] = up
        inputs[one(OBSERVED, node=node, **facility)] = seen
        inputs[one(COLLECTOR_STATE, node=node, **facility, state="absent")] = absent
    inputs |= {one(GPU_STATE, node="a", uuid="1", state="ok"): 1}
    inputs |= {one(GPU_STATE, node="b", uuid="2", state="ok"): 1}
    inputs |= {one(GPU_POWER, node=node, uuid="1"): 350 for node in "ab"}
    inputs |= {one(GPU_UTILIZATION, node=node, uuid="1"): 0.5 for node in "ab"}
    inputs[one(GPU_XID_ERRORS, node="a", uuid="1", xid="79", resolution="RESTART_BM")] = "0+15x80"
    alert = {"alertstate": "firing", "condition": "GpuDegraded", "verdict": "avoid"}
    inputs |= {one("ALERTS", alertname="X", node=node, **alert): 1 for node in "ab"}
    return inputs, {
        one(recorded.NODES, coverage="covered"): 2,
        one(recorded.NODES, coverage="blind"): 1,
        one(recorded.NODES, coverage="silent"): 1,
        one(recorded.GPUS, state="ok"): 2,
        one(recorded.POWER_SUM): 700,
        one(recorded.UTILIZATION_SUM): 1,
        one(recorded.UTILIZATION_COUNT): 2,
        one(recorded.XID_RATE, resolution="RESTART_BM"): 1,
        one(recorded.OPEN_FAULTS, condition="GpuDegraded", verdict="avoid"): 2,
        one(recorded.COLLECTORS, **facility, state="absent"): 1,
    }


def _use(_: RecordingSettings) -> tuple[Inputs, Answers]:
    inputs: dict[str, Values] = {
        **_gpu("busy", busy=0.9, holder="ml"),
        **_gpu("idle", holder="ml"),
        **_gpu("free"),
        **_gpu("host", busy=0.9),
        **_gpu("lost", state="lost", holder="ml"),
        **_gpu("fenced", busy=0.9, holder="web"),
        **_gpu("other", state="not_managed"),
        **_gpu("mig"),
    }
    alert = {"alertname": "X", "alertstate": "firing", "node": "n1"}
    inputs[one("ALERTS", **alert, uuid="fenced", verdict="drain")] = 1
    inputs[one("ALERTS", **alert, uuid="busy", verdict="avoid")] = 1
    for mig in ("1", "2", "3", "4"):
        at = {"node": "n1", "uuid": "mig", "mig": mig}
        inputs[one(GPU_MIG_INFO, **at)] = 1
        inputs[one(GPU_GRAPHICS_ACTIVE, **at)] = 0.5
        if mig != "4":
            inputs[one(GPU_ALLOCATION, **at, namespace="web", pod="q")] = 1
    return inputs, {
        one(recorded.GPU_USE, namespace="ml", use="busy"): 1,
        one(recorded.GPU_USE, namespace="ml", use="idle"): 1,
        one(recorded.GPU_USE, namespace="ml", use="lost"): 1,
        one(recorded.GPU_USE, namespace="web", use="lost"): 1,
        one(recorded.GPU_USE, namespace="web", use="busy"): 0.75,
        one(recorded.GPU_USE, use="busy"): 1,
        one(recorded.GPU_USE, use="free"): 1.25,
    }


def _fabric(_: RecordingSettings) -> tuple[Inputs, Answers]:
    inputs: dict[str, Values] = {}
    for device, state, rail in (("a", 4, "0"), ("b", 1, "1"), ("c", 1, "")):
        at = {"node": "n1", "device": device, "port": "1"}
        inputs[one(RDMA_PORT_STATE, **at)] = state
        inputs[one(RDMA_PORT_RECEIVE, **at)] = "0+1500x80"
        if rail:
            inputs[one(RDMA_PORT_EXPECTED, **at, source="learned")] = 1
            inputs[one(RDMA_TOPOLOGY_INFO, **at, rail=rail, leaf="l", role="compute")] = 1
    bad, good = ({"node": "n1", "device": device, "port": "1"} for device in "ab")
    inputs |= {one(RDMA_MODULE_FLAGS, **bad): 2, one(RDMA_MODULE_FLAGS, **good): 0}
    long = {"errors": "symbol", "window": "long"}
    inputs |= {one(RDMA_BIT_ERROR_RATIO, **bad, **long): 2e-3}
    inputs |= {one(RDMA_BIT_ERROR_RATIO, **good, **long): 1e-15}
    received = recorded.RAIL_RATES[RDMA_PORT_RECEIVE]
    return inputs, {
        one(recorded.RAIL_PORTS, rail="0", leaf="l", state="active"): 1,
        one(recorded.RAIL_PORTS, rail="1", leaf="l", state="down"): 1,
        one(recorded.RAIL_PORTS, rail=UNKNOWN, leaf=UNKNOWN, state="other"): 1,
        one(received, rail="0", leaf="l"): 100,
        one(received, rail="1", leaf="l"): 100,
        one(received, rail=UNKNOWN, leaf=UNKNOWN): 100,
        one(recorded.LINK_SUSPECT, **bad, reason="module"): 2,
        one(recorded.LINK_SUSPECT, **bad, reason="bit_errors"): 0.002,
    }


def _workloads(_: RecordingSettings) -> tuple[Inputs, Answers]:
    controller = {"namespace": "ml", "owner_is_controller": "true"}
    inputs: dict[str, Values] = {}
    for pod, kind, owner in (
        ("web-1", "ReplicaSet", "web-abc"),
        ("eval-1", "Job", "eval-29"),
        ("set-0", "StatefulSet", "set"),
        ("ray-1", "RayCluster", "ray-x"),
        ("cpu-1", "StatefulSet", "cpu"),
    ):
        owned = {"pod": pod, "uid": pod, "owner_kind": kind, "owner_name": owner}
        inputs[one(neighbours.POD_OWNER, **controller, **owned)] = 1
        if pod != "cpu-1":
            inputs[one(GPU_ALLOCATION, node="n1", uuid=pod, namespace="ml", pod=pod)] = 1
    bare = {"namespace": "ml", "pod": "bare", "uid": "bare", "owner_kind": "", "owner_name": ""}
    inputs[one(neighbours.POD_OWNER, **bare, owner_is_controller="")] = 1
    inputs[one(GPU_ALLOCATION, node="n1", uuid="bare", namespace="ml", pod="bare")] = 1
    deployment = {"replicaset": "web-abc", "owner_kind": "Deployment", "owner_name": "web"}
    inputs[one(neighbours.REPLICASET_OWNER, **controller, **deployment)] = 1
    cron = {"job_name": "eval-29", "owner_kind": "CronJob", "owner_name": "eval"}
    inputs[one(neighbours.JOB_OWNER, **controller, **cron)] = 1
    ray = {"namespace": "ml", "pod": "ray-1", "uid": "ray-1", "label_ray_io_cluster": "tune"}
    inputs[one(neighbours.POD_LABELS, **ray)] = 1
    return inputs, {
        one(recorded.POD_WORKLOAD, namespace="ml", pod=pod, workload=name, workload_kind=kind): 1
        for pod, name, kind in (
            ("web-1", "web", "Deployment"),
            ("eval-1", "eval", "CronJob"),
            ("set-0", "set", "StatefulSet"),
            ("ray-1", "tune", "RayCluster"),
            ("bare", "bare", "Pod"),
        )
    }


def _cost(settings: RecordingSettings) -> tuple[Inputs, Answers]:
    """Return a node of each type that has a price, and one that has none."""
    use, inputs, answers = recorded.NODE_GPU_USE, dict[str, Values](), dict[str, float]()
    for kind in (*settings.prices, "unpriced"):
        held = {"namespace": "ml", "use": "busy"}
        inputs[one(use, node=kind, **held)] = 8
        if kind != recorded.NO_TYPE:
            label = {"label_node_kubernetes_io_instance_type": kind}
            inputs[one(neighbours.NODE_LABELS, node=kind, **label)] = 1
        if kind in settings.prices:
            spend = round(8 * settings.prices[kind], 4)
            answers[one(recorded.GPU_SPEND, **held, instance_type=kind)] = spend
    return inputs, answers


def _slo(settings: RecordingSettings) -> tuple[Inputs, Answers]:
    use = recorded.GPU_USE
    burn = round(0.04 / (1 - settings.objectives.goodput), 4)
    answers: dict[str, float] = {
        one(recorded.SLO_ERRORS, slo="goodput"): 0.04,
        one(recorded.SLO_ERRORS, slo="telemetry"): 0,
    }
    for window in WINDOWS:
        answers[one(recorded.SLO_BURN, slo="goodput", window=window)] = burn
        answers[one(recorded.SLO_BURN, slo="telemetry", window=window)] = 0
    return {
        one(use, namespace="ml", use="busy"): 96,
        one(use, use="lost"): 4,
        one(recorded.NODES, coverage="covered"): 10,
        one(recorded.NODES, coverage="blind"): 0,
        one(recorded.NODES, coverage="silent"): 0,
    }, answers


CASES = {
    "fleet": _fleet,
    "use": _use,
    "fabric": _fabric,
    "workloads": _workloads,
    "cost": _cost,
    "slo": _slo,
}
"""What goes in and what is recorded, by subject."""

_ASKED = timedelta(minutes=15)


def document(subject: str, settings: RecordingSettings, intervals: Intervals) -> dict[str, Any]:
    """Return promtool's test file of one subject."""
    inputs, answers = CASES[subject](settings)
    return {
        "rule_files": [f"../rules/{view(subject)}/recording_{subject}.yaml"],
        "evaluation_interval": duration(intervals.evaluation),
        "tests": [
            {
                "name": f"{subject} is recorded as it is",
                "interval": "15s",
                "input_series": [
                    {"series": k, "values": v if isinstance(v, str) else f"{v}x80"}
                    for k, v in inputs.items()
                ],
                "promql_expr_test": [_asked(name, answers) for name in _names(answers)],
            }
        ],
    }


def _names(answers: Answers) -> Sequence[str]:
    return sorted({series.partition("{")[0] for series in answers})


def _asked(name: str, answers: Answers) -> dict[str, Any]:
    """Ask for everything of a name: what is recorded beside the answers fails the test too."""
    expected = {k: v for k, v in answers.items() if k.partition("{")[0] == name}
    return {
        "expr": f"round({name}, 0.0001)",
        "eval_time": duration(_ASKED),
        "exp_samples": [
            {"labels": f"{{{series.partition('{')[2]}", "value": value}
            for series, value in expected.items()
        ],
    }
