import re
from datetime import timedelta
from pathlib import Path

import promql_parser
import pytest

from alerts import proofs
from alerts.discovery import all_alerts
from alerts.evidence import AND
from alerts.model import Alert
from alerts.promql import Series, Window, select
from alerts.tuning import AlertSettings, Intervals, expression, tune
from catalog.compared import COMPARED
from catalog.fleet import RECORDED
from catalog.gpu import GPU_STATE
from catalog.registry import by_name
from tests.alerts.promtool import answer, question

INTERVALS = Intervals()
BRIDGED = [alert for alert in all_alerts() if alert.proof]


def names(query: str) -> set[str]:
    return set(re.findall(r"\b(?:railwatch_\w+|railwatch:[\w:]+|up)(?=[{\[)\s])", query))


@pytest.mark.parametrize("alert", BRIDGED, ids=lambda alert: alert.name)
def test_every_selector_of_a_proof_takes_the_nodes_asked_for(alert: Alert) -> None:
    query = proofs.query(alert, INTERVALS)

    braces = re.findall(r"\{[^}]*\}", query)

    assert braces
    assert all("$selector" in each for each in braces)
    assert len(braces) == len(re.findall(r"railwatch[_:][\w:]+|\bup\b", query))


@pytest.mark.parametrize("alert", BRIDGED, ids=lambda alert: alert.name)
def test_only_positive_samples_prove(alert: Alert) -> None:
    query = proofs.query(alert, INTERVALS)

    assert not re.search(r"\b(unless|absent|absent_over_time|or|bool|offset|vector)\b", query)


@pytest.mark.parametrize("alert", BRIDGED, ids=lambda alert: alert.name)
def test_every_proof_is_promql(alert: Alert) -> None:
    query = proofs.query(alert, INTERVALS).replace("$selector", 'node=~"a|b"')

    promql_parser.parse(query)


@pytest.mark.parametrize("alert", BRIDGED, ids=lambda alert: alert.name)
def test_every_proof_needs_its_facilities_observed_and_the_exporter_up(alert: Alert) -> None:
    assert alert.proof
    if alert.device.is_wide:  # what its evidence is recorded from asks for them
        return

    query = proofs.query(alert, INTERVALS)

    assert 'up{job="railwatch-exporter",$selector} == 1' in query
    for facility in alert.proof.facilities:
        family, name = facility.split("/")
        assert f'railwatch:observed{{family="{family}",facility="{name}",$selector}} == 1' in query


@pytest.mark.parametrize(
    ("name", "threshold"),
    [
        ("RdmaCnpFlood", "rate"),
        ("RdmaFecUncorrectable", "blocks"),
        ("RdmaPauseStorm", "share"),
        ("RdmaPfcStorm", "share"),
        ("RdmaPcieStalled", "share"),
    ],
)
def test_what_a_fabric_has_at_work_is_proof_where_its_owner_has_raised_the_threshold(
    name: str, threshold: str
) -> None:
    """Else a user who takes more of it for normal would have the fault for ever."""
    alert = next(alert for alert in BRIDGED if alert.name == name)
    raised = tune(alert, AlertSettings(thresholds={threshold: 77777}))

    assert f"<= {raised.thresholds[0].default:g} * " in proofs.query(raised, INTERVALS)


@pytest.mark.parametrize("alert", all_alerts(), ids=lambda alert: alert.name)
def test_no_metric_is_named_that_the_catalogue_lacks(alert: Alert) -> None:
    query = proofs.query(alert, INTERVALS) if alert.proof else ""

    used = names(expression(alert)) | names(query)

    recorded = {each.name for each in RECORDED}
    assert used <= {*by_name(), *COMPARED, *recorded, "up", "railwatch:observed"}


def test_the_document_says_what_the_bridge_reads() -> None:
    document = proofs.document(all_alerts(), INTERVALS)

    assert list(document) == [
        "version", "observed", "alerts", "active_since", "boot_time", "reset_time", "faults",
    ]  # fmt: skip
    faults = {fault["fault"] for fault in document["faults"]}
    assert faults == {a.name for a in BRIDGED} | {"AcceleratorsUnverified"}
    fell = next(each for each in document["faults"] if each["fault"] == "GpuFellOffBus")
    assert fell | {"query": ""} == {
        "fault": "GpuFellOffBus",
        "condition": "GpuUnavailable",
        "scope": "gpu",
        "verdict": "drain",
        "identity": "uuid",
        "recovery": "reboot",
        "soak": "10m",
        "facilities": ["gpu/state", "gpu/xid", "node/boot"],
        "query": "",
    }


def test_nine_samples_in_ten_are_enough() -> None:
    window = Window(length=timedelta(minutes=10), interval=timedelta(seconds=15))

    assert window.samples == 36


def test_a_short_soak_lets_no_sample_be_missing() -> None:
    window = Window(length=timedelta(seconds=15), interval=timedelta(seconds=5))

    assert window.samples == 3


def test_a_label_the_metric_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="railwatch_gpu_state has no label port"):
        select(GPU_STATE, port="1")


def test_a_state_the_metric_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="never in state broken"):
        select(GPU_STATE, state="broken")


def test_a_selector_without_matchers_has_no_braces_until_it_is_scoped() -> None:
    series = Series("up")

    assert str(series) == "up"
    assert str(series.scoped) == "up{$selector}"
    assert AND.strip() == "and"


def test_what_is_positively_absent_blinds_no_condition_and_what_is_vital_does(
    tmp_path: Path,
) -> None:
    series = {'up{job="railwatch-exporter",node="n1"}': "1x400"}
    for facility in ("c2c", "state"):
        labels = f'node="n1",family="gpu",facility="{facility}",state="absent"'
        series[f"railwatch_exporter_collector_state{{{labels}}}"] = "1x400"
    seen = ['{node="n1", family="gpu", facility="c2c"}']
    asked = question(proofs.document((), INTERVALS)["observed"], "10m", seen)

    assert answer(tmp_path, asked, series, ["rules/shard/recording.yaml"]) == ""


def test_nothing_of_a_dead_exporter_counts_as_absent(tmp_path: Path) -> None:
    labels = 'node="n1",family="gpu",facility="c2c",state="absent"'
    series = {
        'up{job="railwatch-exporter",node="n1"}': "1x20 0x380",
        f"railwatch_exporter_collector_state{{{labels}}}": "1x20",
    }
    asked = question(proofs.document((), INTERVALS)["observed"], "7m", [])

    assert answer(tmp_path, asked, series, ["rules/shard/recording.yaml"]) == ""
