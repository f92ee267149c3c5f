"""Turns grafanalib's alert rules into the files from which Grafana provisions alert rules.

grafanalib writes the HTTP API's form (`grafana_alert`, `no_data_state`), with the settings of every
kind of expression at once; files want theirs (Grafana's pkg/services/provisioning/alerting,
AlertRuleV1). This is data in, data out; nothing here knows grafanalib.

A rule fires for each series that its query returns, whatever the value, and resolves as soon as the
series is gone: so Prometheus does it, and so does Grafana's own conversion of Prometheus' rules.
"""

import re
from collections.abc import Mapping
from typing import Any

QUERY, CONDITION = "A", "B"

FIRES = f"is_number(${QUERY}) || is_nan(${QUERY}) || is_inf(${QUERY})"
"""1 for any value at all; `$A` alone would not fire for a series whose value is 0."""

EXPRESSIONS = "__expr__"
"""The data source of what Grafana works out itself; -100, as grafanalib has it, is its old name."""

EVALUATION_STEP = 10
"""Seconds: Grafana's scheduler takes only intervals that are multiples of it."""

ORGANISATION = 1
_UID_LONGEST = 40
_EXTERNAL = re.compile(r"\bor (\$labels\.\w+) \$externalLabels\.\w+")
_MOST_POINTS = 43_200
_MILLISECONDS = 1000


def uid(alert: str) -> str:
    """Return the identity of an alert's rule in Grafana; ValueError where it is too long."""
    made = f"railwatch-{alert}"
    if len(made) > _UID_LONGEST:
        raise ValueError(f"{alert}: Grafana takes no uid of more than {_UID_LONGEST} characters")
    return made


def without(alerts: list[str]) -> dict[str, Any]:
    """Return a file that takes rules away; Grafana keeps those that it is not told of any more."""
    deleted = [{"orgId": ORGANISATION, "uid": uid(alert)} for alert in alerts]
    return {"apiVersion": 1, "deleteRules": deleted}


def normalise(made: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file of one group; `group` is the same as Prometheus reads it."""
    (written,) = made["groups"]
    rules = zip(written["rules"], group["rules"], strict=True)
    clean = {"orgId": ORGANISATION, "name": written["name"], "folder": _literal(written["folder"])}
    clean |= {"interval": written["interval"], "rules": [_rule(*pair) for pair in rules]}
    return {"apiVersion": made["apiVersion"], "groups": [clean]}


def _literal(text: str) -> str:
    """Return a text that stays so: in all but texts and queries `$` begins a variable."""
    return text.replace("$", "$$")


def _own(template: str) -> str:
    """Return a template without the labels of a Prometheus as a whole: Grafana has none."""
    return _EXTERNAL.sub(r"\1", template)


def _rule(made: Mapping[str, Any], rule: Mapping[str, Any]) -> dict[str, Any]:
    judged = made["grafana_alert"]
    clean = {
        "uid": made["uid"],
        "title": judged["title"],
        "condition": judged["condition"],
        "data": [_step(step) for step in judged["data"]],
        "noDataState": judged["no_data_state"],
        "execErrState": judged["exec_err_state"],
        "for": made["for"],
        "annotations": made["annotations"],
        "labels": {name: _literal(_own(value)) for name, value in made["labels"].items()},
        "isPaused": False,
        "missing_series_evals_to_resolve": 1,
    }
    if "keep_firing_for" in rule:
        clean["keepFiringFor"] = rule["keep_firing_for"]
    return clean


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    model = step["model"]
    is_math = model.get("type") == "math"
    source = EXPRESSIONS if is_math else step["datasourceUid"]
    return {
        "refId": step["refId"],
        "queryType": "",
        "relativeTimeRange": step["relativeTimeRange"],
        "datasourceUid": source,
        "model": (_math(model) if is_math else _query(model, source))
        | {"refId": step["refId"], "intervalMs": _MILLISECONDS, "maxDataPoints": _MOST_POINTS},
    }


def _math(model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "datasource": {"type": EXPRESSIONS, "uid": EXPRESSIONS},
        "type": model["type"],
        "expression": model["expression"],
    }


def _query(model: Mapping[str, Any], source: str) -> dict[str, Any]:
    return {
        "datasource": {"type": "prometheus", "uid": source},
        "editorMode": "code",
        "expr": model["expr"],
        "instant": True,
        "range": False,
        "legendFormat": "__auto",
    }
