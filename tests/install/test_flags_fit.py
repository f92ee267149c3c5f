"""What flags in `args` change beside the program: ports, probes, and who must know of it."""

import pytest

from tests.install.charts import Chart, Object, pod

PARTS = (
    ("exporter", "DaemonSet", "railwatch-exporter"),
    ("fabric", "Deployment", "railwatch-fabric"),
    ("bridge", "Deployment", "railwatch-bridge"),
    ("scheduler", "Deployment", "railwatch-scheduler"),
)
PROBES = ("readinessProbe", "livenessProbe")
OWN_CONFIG = "scheduler.kubeScheduler.config=kind: KubeSchedulerConfiguration"


def containers(chart: Chart, flag: str, *values: str) -> dict[str, Object]:
    """Return the program's container of each part, where all have one more flag."""
    flags = [f"{part}.args={{{flag}}}" for part, _, _ in PARTS]
    made = chart.objects("fabric.enabled=true", *flags, *values)
    return {part: pod(made, kind, name)["containers"][0] for part, kind, name in PARTS}


def test_a_program_that_listens_elsewhere_is_found_there(chart: Chart) -> None:
    made = containers(chart, "--web.listen-address=[::]:9500")

    for part, container in made.items():
        assert container["ports"] == [{"name": "metrics", "containerPort": 9500}], part
        assert [container[probe]["httpGet"]["port"] for probe in PROBES] == ["metrics"] * 2, part


def test_the_stock_scheduler_asks_the_extender_where_it_listens(chart: Chart) -> None:
    made = chart.objects("scheduler.args={--web.listen-address=:9500}")

    config = made["ConfigMap", "railwatch", "railwatch-scheduler-config"]["data"]
    text = config["kube-scheduler-config.yaml"]
    assert text.count("urlPrefix: http://127.0.0.1:9500\n") == 2
    assert ":9412" not in text


def test_the_kubelet_only_tries_a_port_that_asks_who_comes(chart: Chart) -> None:
    """It has no certificate and no password: by HTTP it would end every pod in a minute."""
    made = containers(chart, "--web.config.file=/web/config.yaml", OWN_CONFIG)

    for part, container in made.items():
        for probe in PROBES:
            assert container[probe]["tcpSocket"] == {"port": "metrics"}, part
            assert container[probe]["periodSeconds"] > 0, part
            assert "httpGet" not in container[probe], part


@pytest.mark.parametrize("address", [":0", ":99999", "9410x"])
def test_an_address_without_a_port_is_refused(chart: Chart, address: str) -> None:
    told = chart.refusal({"bridge": {"args": [f"--web.listen-address={address}"]}})

    assert "bridge.args: --web.listen-address needs a port" in told


def test_an_extender_behind_tls_needs_a_scheduler_that_knows(chart: Chart) -> None:
    told = chart.refusal({"scheduler": {"args": ["--web.config.file=/web/config.yaml"]}})

    assert "scheduler.kubeScheduler.config: needed where scheduler.args has --web.config" in told


def test_the_bridge_is_told_of_alerts_in_the_namespace_of_the_release(
    chart: Chart,
) -> None:
    text = chart.template("monitoring.alertmanagerConfig=true", namespace="gpu-watch")

    assert "http://railwatch-bridge.gpu-watch:9411/api/v1/webhook" in text


def test_keys_of_another_prefix_are_not_written_under_policies_that_refuse_them(
    chart: Chart,
) -> None:
    ours = [f"{part}.args={{--key-prefix=gpu.example.com}}" for part in ("bridge", "scheduler")]
    values = {"args": ["--key-prefix=gpu.example.com"]}

    told = chart.refusal({"bridge": values, "scheduler": values})
    made = chart.objects(*ours, "admission.bridge=false")

    assert "admission.bridge: its policies let the bridge write keys of railwatch.io/ alone" in told
    container = pod(made, "Deployment", "railwatch-bridge")["containers"][0]
    assert "--key-prefix=gpu.example.com" in container["args"]
