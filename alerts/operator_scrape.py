"""A scrape job as prometheus-operator's ScrapeConfig has it.

The operator writes `job_name` itself and sets the label `job` from `jobName`.
"""

from collections.abc import Mapping
from typing import Any

_NAMES = {
    "job_name": "jobName",
    "scrape_interval": "scrapeInterval",
    "scrape_timeout": "scrapeTimeout",
    "honor_labels": "honorLabels",
    "file_sd_configs": "fileSDConfigs",
    "kubernetes_sd_configs": "kubernetesSDConfigs",
    "relabel_configs": "relabelings",
    "source_labels": "sourceLabels",
    "target_label": "targetLabel",
}


def spec(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec of the object; KeyError for a field of a job that is not known here."""
    made = {_NAMES[key]: value for key, value in job.items()}
    made["relabelings"] = [_relabeling(rule) for rule in job["relabel_configs"]]
    if discovered := job.get("kubernetes_sd_configs"):
        made["kubernetesSDConfigs"] = [_discovery(each) for each in discovered]
    return made


def _relabeling(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {_NAMES.get(key, key): value for key, value in rule.items()}


def _discovery(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a discovery with its roles as the object's enumeration writes them."""
    selectors = [_role(selector) for selector in config["selectors"]]
    return _role(config) | {"selectors": selectors}


def _role(part: Mapping[str, Any]) -> dict[str, Any]:
    return {**part, "role": part["role"].capitalize()}
