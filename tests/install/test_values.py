"""Values that exist are documented, known to the schema and used; others are refused."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.install.charts import Chart
from tests.install.values import PAGE, VALUES, WHOLE, all_defaults, described, table

REFUSED = {
    "bridge.verdictMax=evict": "'observe', 'avoid', 'cordon', 'drain'",
    "bridge.verdictMax=drain": "bridge.cluster: needed where bridge.verdictMax is drain",
    "bridge.verdictmax=avoid": "'/bridge': additional properties 'verdictmax' not allowed",
    "bridge.alertmanagerUrls={}": "'/bridge/alertmanagerUrls/0'",
    "bridge.prometheusUrls={prometheus:9090}": "does not match pattern '^https?://'",
    "scheduler.replicas=0": "'/scheduler/replicas': minimum: got 0, want 1",
    "scheduler.drain=yes": "'/scheduler/drain': got string, want boolean",
    "scheduler.kubeScheduler.image=kube-scheduler": "'/scheduler/kubeScheduler/image'",
    "exporter.profile=root": "'full', 'least-privilege'",
    "exporter.nodes={tpu}": '"tpu" is none of exporter.nodeLabels: cloud, gpu, rdma',
    "exporter.args={interval=5s}": "'interval=5s' does not match pattern '^--[a-z]'",
    "exporter.resources.limit.memory=1Gi": "additional properties 'limit' not allowed",
    "monitoring.rules={all}": "'shard', 'global'",
    "image.tag=a/b": "'/image/tag'",
    "exporters.enabled=true": "additional properties 'exporters' not allowed",
}


@pytest.mark.parametrize("value", REFUSED)
def test_a_wrong_value_is_refused_with_its_name(value: str, chart: Chart) -> None:
    assert REFUSED[value] in chart.refusal(value)


def test_every_value_has_its_line_and_every_line_its_value() -> None:
    assert described().keys() == all_defaults().keys()
    assert table() in PAGE.read_text(encoding="utf-8"), "python -m tests.install.values writes it"


def test_the_schema_knows_the_values_and_no_other() -> None:
    schema = json.loads((VALUES.parent / "values.schema.json").read_text())

    assert set(properties(schema)) == all_defaults().keys() | {"global"}


def properties(schema: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, part in schema["properties"].items():
        if "properties" in part:
            assert part["additionalProperties"] is False
            yield from properties(part, f"{above}{name}.")
        else:
            yield above + name


def test_every_value_is_used(chart: Chart) -> None:
    templates = "".join(path.read_text() for path in (chart.path / "templates").glob("*"))
    used = set(re.findall(r"\.(\w+)", templates))

    assert {key.split(".")[-1] for key in all_defaults()} <= used


def test_values_that_the_page_names_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:exporter|fabric|bridge|scheduler|admission)\.\w+)[`=]", text))

    assert len(named) > 20
    assert named <= all_defaults().keys() | WHOLE
