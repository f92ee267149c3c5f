"""The same rules, scrape configuration, proofs and dashboards as Kubernetes objects."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alerts import operator_routes, scrape
from alerts.operator_routes import NOTE
from render.settings import Settings
from render.texts import as_json, as_yaml

PART_OF = {"app.kubernetes.io/part-of": "railwatch"}

VIEW = "railwatch.io/view"
"""The label by which a shard, or the Prometheus with the global view, selects its rules."""

DASHBOARD = {"grafana_dashboard": "1"}
"""The label by which Grafana's sidecar finds dashboards, as kube-prometheus-stack sets it."""


def objects(
    settings: Settings,
    groups: Mapping[str, Sequence[dict[str, Any]]],
    proofs: str,
    dashboards: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, str]]:
    """Yield file names and texts, the kustomization that names them all last."""
    made = {
        **{
            f"prometheusrule-{view}.yaml": as_yaml(_rules(settings, view, of))
            for view, of in groups.items()
        },
        "alertmanagerconfig.yaml": as_yaml(_alertmanager_config(settings), note=NOTE),
        "podmonitor.yaml": as_yaml(_pod_monitor(settings)),
        **{f"podmonitor-{p}.yaml": as_yaml(_monitor(settings, p)) for p in scrape.PROGRAMS},
        "proofs.yaml": as_yaml(_proofs(settings, proofs)),
    }
    for stem, dashboard in dashboards.items():
        made[f"dashboard-{stem}.yaml"] = as_yaml(_dashboard(settings, stem, dashboard))
    yield from made.items()
    yield "kustomization.yaml", as_yaml(_kustomization(list(made)))


def _kustomization(resources: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
    }


def _metadata(settings: Settings, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": settings.kubernetes.namespace,
        "labels": PART_OF | dict(settings.kubernetes.labels),
    }


def _rules(settings: Settings, view: str, groups: Sequence[dict[str, Any]]) -> dict[str, Any]:
    metadata = _metadata(settings, f"railwatch-{view}")
    metadata["labels"] |= {VIEW: view}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": {"groups": list(groups)},
    }


def _alertmanager_config(settings: Settings) -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": _metadata(settings, "railwatch"),
        "spec": operator_routes.spec(settings.alertmanager, settings.tuned()),
    }


def _pod_monitor(settings: Settings) -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": _metadata(settings, "railwatch-exporter"),
        "spec": scrape.pod_monitor(settings.scrape, settings.prometheus.intervals),
    }


def _monitor(settings: Settings, program: str) -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": _metadata(settings, program),
        "spec": scrape.program_monitor(program, settings.prometheus.intervals),
    }


def _config_map(metadata: dict[str, Any], data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _proofs(settings: Settings, proofs: str) -> dict[str, Any]:
    return _config_map(_metadata(settings, "railwatch-proofs"), {"proofs.yaml": proofs})


def _dashboard(settings: Settings, stem: str, dashboard: Mapping[str, Any]) -> dict[str, Any]:
    metadata = _metadata(settings, f"railwatch-dashboard-{stem.replace('_', '-')}")
    metadata["labels"] |= DASHBOARD
    metadata["annotations"] = {"grafana_folder": settings.grafana.folder}
    return _config_map(metadata, {f"railwatch-{stem}.json": as_json(dashboard)})
