"""How Prometheus finds the exporters and the other programs, and which labels their series get.

`node` comes from the scrape and `instance` equals it; `pod`, `container` and `namespace` are kept
off the targets, so that an exporter roll-out cuts no series and these names stay the metrics' own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alerts.promql import duration
from alerts.tuning import Intervals
from catalog import labels

APP = "app.kubernetes.io/name"
"""The label by which the exporter's pods are found; its value is the job's name."""

PROGRAMS = (labels.BRIDGE_JOB, labels.SCHEDULER_JOB)
"""Deployments that are scraped beside the exporters; each job is called as its pods are."""

_METRICS_PORT = "metrics"
_POD_NAME = "__meta_kubernetes_pod_name"

DISCOVERIES = ("kubernetes", "file")

_TARGETS = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)")
"""File names as Prometheus takes them (its discovery/file)."""
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.{16})(?!.*--)[a-z0-9]([a-z0-9-]*[a-z0-9])?")
"""An IANA service name, as Kubernetes wants ports' names."""

_LONGEST_TIMEOUT = timedelta(seconds=10)
_TARGET_LABELS = "pod|container|namespace|endpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeSettings:
    """Where the exporters are."""

    discovery: str = "kubernetes"
    """kubernetes: the exporter's pods; file: targets listed in files, each with a label `node`."""
    files: tuple[str, ...] = ()
    """Patterns of target files, for discovery by file."""
    port: str = "metrics"
    """Name of the exporter's container port."""

    def __post_init__(self) -> None:
        """Refuse what Prometheus would, or what finds nothing; ValueError names the key."""
        if self.discovery not in DISCOVERIES:
            raise ValueError(f"discovery: {self.discovery!r} is none of {', '.join(DISCOVERIES)}")
        if (self.discovery == "file") != bool(self.files):
            raise ValueError('files: needed for discovery = "file", and only there')
        for pattern in self.files:
            if not _TARGETS.fullmatch(pattern):
                raise ValueError(
                    f"files: {pattern!r} is not such as targets/*.yaml: it must end in .json, .yml "
                    "or .yaml, and have a * in the file's name alone"
                )
        if not _PORT_NAME.fullmatch(self.port):
            raise ValueError(f"port: {self.port!r} is no name of a port")


def configuration(settings: ScrapeSettings, intervals: Intervals, namespace: str) -> dict[str, Any]:
    """Return a file for Prometheus' `scrape_config_files`."""
    jobs = [exporters(settings, intervals, namespace), *_programs(settings, intervals, namespace)]
    if settings.discovery != "file":
        jobs.append(fabric(intervals, namespace))
    return {"scrape_configs": jobs}


def exporters(settings: ScrapeSettings, intervals: Intervals, namespace: str) -> dict[str, Any]:
    """Return the job of the exporters on the nodes."""
    job: dict[str, Any] = {
        "job_name": labels.EXPORTER_JOB,
        "scrape_interval": duration(intervals.scrape),
        "scrape_timeout": duration(min(_LONGEST_TIMEOUT, intervals.scrape)),
        "honor_labels": True,
    }
    if settings.discovery == "file":
        job |= {
            "file_sd_configs": [{"files": list(settings.files)}],
            "relabel_configs": _instance(labels.NODE),
        }
    else:
        job |= {
            "kubernetes_sd_configs": [_pods(namespace)],
            "relabel_configs": _running(settings.port) + _pod_labels(),
        }
    return job


def fabric(intervals: Intervals, namespace: str) -> dict[str, Any]:
    """Return the job of the exporters that look at a fabric as a whole.

    They have no `node`: what they tell is not of the node they happen to run on, and there they
    would be a second exporter. `instance` is their Deployment, so that a new pod cuts no series.
    """
    return {
        "job_name": labels.FABRIC_JOB,
        "scrape_interval": duration(intervals.scrape),
        "scrape_timeout": duration(min(_LONGEST_TIMEOUT, intervals.scrape)),
        "kubernetes_sd_configs": [_pods(namespace, labels.FABRIC_JOB)],
        "relabel_configs": [
            *_running(_METRICS_PORT),
            {
                "source_labels": ["__meta_kubernetes_pod_controller_name"],
                "regex": "(.+)-[0-9a-z]+",
                "target_label": labels.INSTANCE,
            },
        ],
    }


def _programs(
    settings: ScrapeSettings, intervals: Intervals, namespace: str
) -> Iterator[dict[str, Any]]:
    """Yield the jobs of bridge and scheduler; targets listed in files bring their own."""
    if settings.discovery == "file":
        return
    for program in PROGRAMS:
        yield {
            "job_name": program,
            "scrape_interval": duration(intervals.scrape),
            "scrape_timeout": duration(min(_LONGEST_TIMEOUT, intervals.scrape)),
            "kubernetes_sd_configs": [_pods(namespace, program)],
            "relabel_configs": _running(_METRICS_PORT) + _instance(_POD_NAME),
        }


def _pods(namespace: str, program: str = labels.EXPORTER_JOB) -> dict[str, Any]:
    return {
        "role": "pod",
        "namespaces": {"names": [namespace]},
        "selectors": [{"role": "pod", "label": f"{APP}={program}"}],
    }


def _running(port: str) -> list[dict[str, Any]]:
    """Return relabelling that keeps running pods' metrics port.

    A pod that has ended may be listed for a while yet; it would be a second target of its node.
    """
    return [
        {
            "source_labels": ["__meta_kubernetes_pod_phase"],
            "regex": "Running",
            "action": "keep",
        },
        {
            "source_labels": ["__meta_kubernetes_pod_container_port_name"],
            "regex": port,
            "action": "keep",
        },
    ]


def _pod_labels() -> list[dict[str, Any]]:
    node = "__meta_kubernetes_pod_node_name"
    return [
        {"source_labels": [node], "target_label": labels.NODE},
        *_instance(node),
        {"regex": _TARGET_LABELS, "action": "labeldrop"},
    ]


def _instance(source: str) -> list[dict[str, Any]]:
    return [{"source_labels": [source], "target_label": labels.INSTANCE}]


def pod_monitor(settings: ScrapeSettings, intervals: Intervals) -> dict[str, Any]:
    """Return the spec of a PodMonitor that does the same, for prometheus-operator."""
    node = "__meta_kubernetes_pod_node_name"
    return {
        "selector": {"matchLabels": {APP: labels.EXPORTER_JOB}},
        "podMetricsEndpoints": [
            {
                "port": settings.port,
                "interval": duration(intervals.scrape),
                "scrapeTimeout": duration(min(_LONGEST_TIMEOUT, intervals.scrape)),
                "honorLabels": True,
                "relabelings": [
                    {"targetLabel": "job", "replacement": labels.EXPORTER_JOB},
                    {"sourceLabels": [node], "targetLabel": labels.NODE},
                    {"sourceLabels": [node], "targetLabel": labels.INSTANCE},
                    {"regex": _TARGET_LABELS, "action": "labeldrop"},
                ],
            }
        ],
    }


def program_monitor(program: str, intervals: Intervals) -> dict[str, Any]:
    """Return the spec of a PodMonitor of the bridge, or of the scheduler."""
    return {
        "selector": {"matchLabels": {APP: program}},
        "podMetricsEndpoints": [
            {
                "port": _METRICS_PORT,
                "interval": duration(intervals.scrape),
                "scrapeTimeout": duration(min(_LONGEST_TIMEOUT, intervals.scrape)),
                "relabelings": [
                    {"targetLabel": "job", "replacement": program},
                    {"sourceLabels": [_POD_NAME], "targetLabel": labels.INSTANCE},
                    {"regex": _TARGET_LABELS, "action": "labeldrop"},
                ],
            }
        ],
    }
