"""Nodes of a kind are found by whatever labels them."""

import pytest

from tests.install.charts import Chart, pod

LABELS = {
    "gpu": (
        "nvidia.com/gpu.present",
        "feature.node.kubernetes.io/pci-10de.present",
        "feature.node.kubernetes.io/pci-0302_10de.present",
        "feature.node.kubernetes.io/pci-0300_10de.present",
    ),
    "rdma": (
        "feature.node.kubernetes.io/rdma.capable",
        "feature.node.kubernetes.io/pci-15b3.present",
    ),
}
"""What GPUs are known by is what NVIDIA's GPU operator looks for (its state_manager.go)."""


@pytest.mark.parametrize("kind", LABELS)
def test_any_label_by_which_such_nodes_are_known_will_do(chart: Chart, kind: str) -> None:
    made = chart.objects(f"exporter.nodes={{{kind}}}")

    affinity = pod(made, "DaemonSet", "railwatch-exporter")["affinity"]["nodeAffinity"]
    (terms,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"].values()
    assert [term["matchExpressions"] for term in terms] == [
        [{"key": label, "operator": "In", "values": ["true"]}] for label in LABELS[kind]
    ]
