"""The same rules, scrape configuration, proofs and dashboards as Kubernetes objects."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alerts import operator_routes, operator_scrape, scrape
from alerts.operator_routes import NOTE
from catalog.labels import EXPORTER_JOB
from render.settings import Settings
from render.texts import as_json, as_yaml

PART_OF = {"app.kubernetes.io/part-of": "railwatch"}

VIEW = "railwatch.io/view"
"""The label by which a shard, or the Prometheus with the global view, selects its rules."""

DASHBOARD = {"grafana_dashboard": "1"}
"""The label by which Grafana's sidecar finds dashboards, as kube-prometheus-stack sets it."""


OPERATED = "grafana-operator"
"""The folder of the objects that only grafana-operator knows: a kustomization of their own."""

_PROMETHEUS = "monitoring.coreos.com/v1"
_YOUNGER = "monitoring.coreos.com/v1alpha1"


def objects(
    settings: Settings,
    groups: Mapping[str, Sequence[dict[str, Any]]],
    proofs: str,
    dashboards: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, str]]:
    """Yield file names and texts, each kustomization after the files that it names."""
    made = {
        **{
            f"prometheusrule-{view}.yaml": as_yaml(_rules(settings, view, of))
            for view, of in groups.items()
        },
        "alertmanagerconfig.yaml": as_yaml(_alertmanager_config(settings), note=NOTE),
        **{name: as_yaml(found) for name, found in _scraped(settings)},
        "proofs.yaml": as_yaml(_proofs(settings, proofs)),
    }
    for stem, dashboard in dashboards.items():
        made[f"dashboard-{stem}.yaml"] = as_yaml(_dashboard(settings, stem, dashboard))
    yield from made.items()
    yield "kustomization.yaml", as_yaml(_kustomization(list(made)))
    operated = {f"{stem}.yaml": as_yaml(_operated(settings, stem)) for stem in dashboards}
    yield from ((f"{OPERATED}/{name}", text) for name, text in operated.items())
    yield f"{OPERATED}/kustomization.yaml", as_yaml(_kustomization(list(operated)))


def _kustomization(resources: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
    }


def _object(
    version: str, kind: str, metadata: dict[str, Any], spec: dict[str, Any]
) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _metadata(settings: Settings, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": settings.kubernetes.namespace,
        "labels": PART_OF | dict(settings.kubernetes.labels),
    }


def _rules(settings: Settings, view: str, groups: Sequence[dict[str, Any]]) -> dict[str, Any]:
    metadata = _metadata(settings, f"railwatch-{view}")
    metadata["labels"] |= {VIEW: view}
    return _object(_PROMETHEUS, "PrometheusRule", metadata, {"groups": list(groups)})


def _alertmanager_config(settings: Settings) -> dict[str, Any]:
    spec = operator_routes.spec(settings.routing, settings.tuned())
    return _object(_YOUNGER, "AlertmanagerConfig", _metadata(settings, "railwatch"), spec)


def _scraped(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what tells prometheus-operator whom to scrape, by file name.

    Exporters outside the cluster, listed in files, are no pods to monitor.
    """
    intervals, namespace = settings.prometheus.intervals, settings.kubernetes.namespace
    if settings.scrape.discovery == "file":
        job = scrape.exporters(settings.scrape, intervals, namespace)
        yield f"scrapeconfig-{EXPORTER_JOB}.yaml", _scrape_config(settings, job)
    else:
        spec = scrape.pod_monitor(settings.scrape, intervals)
        yield "podmonitor.yaml", _monitor(settings, EXPORTER_JOB, spec)
    for program in scrape.PROGRAMS:
        spec = scrape.program_monitor(program, intervals)
        yield f"podmonitor-{program}.yaml", _monitor(settings, program, spec)
    job = scrape.fabric(intervals, namespace)
    yield "scrapeconfig-fabric.yaml", _scrape_config(settings, job)


def _monitor(settings: Settings, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return _object(_PROMETHEUS, "PodMonitor", _metadata(settings, name), spec)


def _scrape_config(settings: Settings, job: Mapping[str, Any]) -> dict[str, Any]:
    metadata = _metadata(settings, job["job_name"])
    return _object(_YOUNGER, "ScrapeConfig", metadata, operator_scrape.spec(job))


def _config_map(metadata: dict[str, Any], data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _proofs(settings: Settings, proofs: str) -> dict[str, Any]:
    return _config_map(_metadata(settings, "railwatch-proofs"), {"proofs.yaml": proofs})


def _named(settings: Settings, stem: str) -> dict[str, Any]:
    """Return the metadata of a dashboard's objects: its ConfigMap, and what points at that."""
    return _metadata(settings, f"railwatch-dashboard-{stem.replace('_', '-')}")


def _dashboard(settings: Settings, stem: str, dashboard: Mapping[str, Any]) -> dict[str, Any]:
    metadata = _named(settings, stem)
    metadata["labels"] |= DASHBOARD
    metadata["annotations"] = {"grafana_folder": settings.grafana.folder}
    return _config_map(metadata, {_key(stem): as_json(dashboard)})


def _key(stem: str) -> str:
    return f"railwatch-{stem}.json"


def _operated(settings: Settings, stem: str) -> dict[str, Any]:
    """Return what lets grafana-operator load a dashboard from its ConfigMap."""
    metadata = _named(settings, stem)
    spec = {
        "instanceSelector": {"matchLabels": dict(settings.grafana.instances)},
        "allowCrossNamespaceImport": True,
        "folder": settings.grafana.folder,
        "configMapRef": {"name": metadata["name"], "key": _key(stem)},
    }
    return _object("grafana.integreatly.org/v1beta1", "GrafanaDashboard", metadata, spec)
