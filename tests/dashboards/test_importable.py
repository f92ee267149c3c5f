"""The form for grafana.com differs from the provisioned one by where its data source is from."""

import copy
import json
from typing import Any

import pytest

from dashboards import importable
from dashboards.exchange import panels
from tests.dashboards.reading import RENDERED, variables

each_dashboard = pytest.mark.parametrize("name", sorted(RENDERED))


@each_dashboard
def test_the_importer_is_asked_for_the_data_source_once(name: str) -> None:
    made = importable(RENDERED[name])

    [asked] = made["__inputs"]
    assert asked["name"] == "DS_PROMETHEUS"
    assert (asked["type"], asked["pluginId"]) == ("datasource", "prometheus")


@each_dashboard
def test_every_reference_goes_to_what_the_importer_chose(name: str) -> None:
    made = importable(RENDERED[name])

    assert "${datasource" not in json.dumps(made)
    assert "datasource" not in variables(made)
    for panel in panels(made):
        for holder in (panel, *panel.get("targets", ())):
            if "datasource" in holder:
                assert holder["datasource"] == {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}


@each_dashboard
def test_what_it_requires_is_what_it_uses(name: str) -> None:
    made = importable(RENDERED[name])

    kinds = {need["id"] for need in made["__requires"] if need["type"] == "panel"}
    assert kinds == {panel["type"] for panel in panels(made)} - {"row"}
    assert all(need["name"] for need in made["__requires"])
    assert ("datasource", "prometheus") in {(n["type"], n["id"]) for n in made["__requires"]}


@each_dashboard
def test_queries_panels_and_identity_are_those_of_the_provisioned_form(name: str) -> None:
    made = importable(RENDERED[name])

    def essence(dashboard: dict[str, Any]) -> list[tuple[str, list[str]]]:
        return [
            (panel["title"], [target["expr"] for target in panel.get("targets", ())])
            for panel in panels(dashboard)
        ]

    assert essence(made) == essence(RENDERED[name])
    assert (made["id"], made["uid"]) == (None, RENDERED[name]["uid"])


def test_the_drill_down_still_carries_cluster_and_time_range() -> None:
    made = json.dumps(importable(RENDERED["fleet"]))

    assert (
        "/d/railwatch-node?${cluster:queryparam}&${__url_time_range}&var-node=${__value.raw}"
        in made
    )


def test_making_it_leaves_the_provisioned_form_as_it_was() -> None:
    before = copy.deepcopy(RENDERED["fleet"])

    importable(RENDERED["fleet"])

    assert RENDERED["fleet"] == before
