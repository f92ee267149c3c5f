"""Where a program is not deployed its alerts are silent, whatever else is there."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.discovery import NEIGHBOURS, by_family, stem, view
from alerts.model import Alert
from alerts.rules import alert_labels
from render.settings import Settings, load
from tests.alerts.promtool import rendered, run

ALERTS = by_family()[NEIGHBOURS]


def quiet(series: dict[str, str]) -> dict[str, Any]:
    """Return a test in which nothing is even pending after three hours."""
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": 'count(ALERTS{alertstate=~"pending|firing"})', "eval_time": at}
            for at in ("20m", "3h")
        ],
    }


CLUSTERS = {
    "a cluster with nothing but targets": {
        'up{job="apiserver",instance="a"}': "1x180",
        'up{job="node-exporter",instance="b"}': "0x180",
    },
    "kube-state-metrics of a cluster without GPUs": {
        'kube_node_info{node="n1"}': "1x180",
        'kube_node_status_capacity{node="n1",resource="cpu"}': "8x180",
        'kube_node_status_allocatable{node="n1",resource="cpu"}': "7.5x180",
        'kube_node_status_condition{node="n1",condition="Ready",status="true"}': "1x180",
        'kube_node_spec_unschedulable{node="n1"}': "0x180",
        'kube_pod_status_unschedulable{namespace="a",pod="p",uid="u"}': "1x180",
        'kube_pod_container_resource_requests{namespace="a",pod="p",resource="cpu"}': "99x180",
        'kube_job_failed{namespace="a",job_name="fhir-loader-job",condition="true"}': "1x180",
    },
    "GPUs that are all in use, and pods that wait for them": {
        'kube_node_info{node="n1"}': "1x180",
        'kube_node_status_capacity{node="n1",resource="nvidia_com_gpu"}': "8x180",
        'kube_node_status_allocatable{node="n1",resource="nvidia_com_gpu"}': "8x180",
        'kube_node_status_condition{node="n1",condition="Ready",status="true"}': "1x180",
        'kube_node_spec_unschedulable{node="n1"}': "0x180",
        'kube_pod_status_unschedulable{namespace="a",pod="p",uid="u"}': "1x180",
        'kube_pod_container_resource_requests{namespace="a",pod="p",resource="nvidia_com_gpu"}': (
            "1x180"
        ),
        'kube_pod_container_resource_requests{namespace="a",pod="r",node="n1",'
        'resource="nvidia_com_gpu"}': "8x180",
        'kube_pod_status_phase{namespace="a",pod="r",phase="Running"}': "1x180",
    },
    "GPUs free on nodes that are cordoned, fenced or not ready": {
        **{
            f'kube_node_status_allocatable{{node="{node}",resource="nvidia_com_gpu"}}': "8x180"
            for node in ("cordoned", "fenced", "otherwise", "gone")
        },
        'kube_node_status_condition{node="cordoned",condition="Ready",status="true"}': "1x180",
        'kube_node_status_condition{node="fenced",condition="Ready",status="true"}': "1x180",
        'kube_node_status_condition{node="otherwise",condition="Ready",status="true"}': "1x180",
        'kube_node_status_condition{node="gone",condition="Ready",status="true"}': "0x180",
        'kube_node_spec_unschedulable{node="cordoned"}': "1x180",
        'kube_node_spec_taint{node="fenced",key="railwatch.io/gpu-unavailable",'
        'effect="NoSchedule"}': "1x180",
        'kube_node_spec_taint{node="otherwise",key="gpu.example.com/gpu-memory-fault",'
        'effect="NoSchedule"}': "1x180",
        'kube_pod_status_unschedulable{namespace="a",pod="p",uid="u"}': "1x180",
        'kube_pod_container_resource_requests{namespace="a",pod="p",resource="nvidia_com_gpu"}': (
            "1x180"
        ),
    },
    "queues that are full and models that nobody asks": {
        'kueue_pending_workloads{cluster_queue="q",status="inadmissible"}': "3x180",
        'kueue_cluster_queue_status{cluster_queue="q",status="active"}': "1x180",
        'volcano_queue_pod_group_pending_count{queue_name="q"}': "3x180",
        'vllm:kv_cache_usage_perc{model_name="m"}': "1x180",
        'vllm:num_requests_waiting{model_name="m"}': "0x180",
        'nv_inference_request_success{model="m"}': "0x180",
        'nv_inference_request_failure{model="m"}': "0x180",
        'juicefs_blockcache_hits{vol_name="v"}': "0x180",
        'juicefs_blockcache_miss{vol_name="v"}': "0x180",
        'csi_operations_seconds_count{driver_name="d",grpc_status_code="OK"}': "0x180",
    },
}


def test_nothing_fires_where_there_is_nothing_to_judge(tmp_path: Path) -> None:
    folder = rendered(tmp_path)
    rules = [f"{folder}/rules/{view(alert)}/{stem(alert.name)}.yaml" for alert in ALERTS]
    tests = [{"name": name, **quiet(series)} for name, series in CLUSTERS.items()]
    path = tmp_path / "quiet.yaml"
    document = {"rule_files": rules, "evaluation_interval": "5m", "tests": tests}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")

    done = run("test", "rules", path)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_they_are_for_people(alert: Alert) -> None:
    assert set(alert_labels(alert)) == {"severity"}
    assert not alert.name.startswith("Railwatch")
    assert "absent(" not in alert.expr


def test_all_of_them_are_left_out_by_one_setting(tmp_path: Path) -> None:
    (tmp_path / "render.toml").write_text("neighbours = false\n", encoding="utf-8")

    kept = load(tmp_path / "render.toml").tuned()

    names = {alert.name for alert in ALERTS}
    assert {alert.name for alert in kept} == {a.name for a in Settings().tuned()} - names
    assert names
