"""Alerts as servers send them, well-formed and otherwise."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.verdicts import Verdict
from health_bridge.decision.alerts import merge, read_alertmanager, read_prometheus, without_state
from tests.budget import examples
from tests.health_bridge.worlds import KNOWN, link_down, lost_gpu

LABELS = {
    "alertname": "GpuFellOffBus",
    "fault": "GpuFellOffBus",
    "condition": "GpuUnavailable",
    "verdict": "drain",
    "scope": "gpu",
    "node": "gpu-1",
    "uuid": "GPU-1",
    "gpu": "3",
}
PORT = {
    **LABELS,
    "fault": "RdmaLinkDown",
    "condition": "RdmaLinkDown",
    "verdict": "cordon",
    "guid": "506b:4b03",
    "device": "mlx5_0",
    "port": "1",
}


def alert(labels: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "labels": labels,
        "annotations": {"summary": "GPU 3 is gone", "runbook_url": "https://r/GpuFellOffBus"},
        "startsAt": "2026-11-22T02:31:00.123456789Z",
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
        **fields,
    }


def test_what_anyone_may_post_makes_no_confirmed_alert_harsher_or_older() -> None:
    forged = lost_gpu("a", confirmed=False, verdict=Verdict.DRAIN, since=1)
    true = lost_gpu("a", confirmed=True, verdict=Verdict.AVOID, since=100, evidence="")

    for pair in ([forged, true], [true, forged]):
        (merged,) = merge(pair)["a"].values()
        assert (merged.verdict, merged.since, merged.confirmed) == (Verdict.AVOID, 100, True)
        assert merged.evidence == "Xid 79"


def test_an_inhibited_alert_is_a_fault_as_any_other() -> None:
    state = {"state": "suppressed", "silencedBy": [], "inhibitedBy": ["abc"]}

    (finding,) = read_alertmanager([alert(LABELS, status=state)], KNOWN, "").findings

    assert (finding.firing, finding.silenced) == (True, False)


def test_an_alert_of_alertmanager_becomes_a_finding() -> None:
    (finding,) = read_alertmanager([alert(LABELS)], KNOWN, "").findings

    assert (finding.node, finding.device, finding.name) == ("gpu-1", "GPU-1", "GPU 3")
    assert (finding.firing, finding.confirmed, finding.silenced) == (True, False, False)
    assert finding.verdict is Verdict.DRAIN
    assert finding.since == 1795314660
    assert finding.evidence == "GPU 3 is gone; runbook: https://r/GpuFellOffBus"


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("http://prometheus/graph?g0.expr=x", "gone; source: http://prometheus/graph?g0.expr=x"),
        ("http://prometheus/" + "x" * 200, "gone"),
        (7, "gone"),
    ],
)
def test_without_a_runbook_the_link_is_to_where_the_alert_is_judged(link: Any, said: str) -> None:
    told = alert(LABELS, annotations={"summary": "gone"}, generatorURL=link)

    (finding,) = read_alertmanager([told], KNOWN, "").findings

    assert finding.evidence == said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"condition": "Nonsense"}, "unknown_condition"),
        ({"condition": ""}, "unknown_condition"),
        ({"fault": "Nonsense"}, "unknown_fault"),
        ({"condition": "GpuDegraded"}, "unknown_fault"),
        ({"verdict": "destroy"}, "malformed"),
        ({"node": ""}, "malformed"),
        ({"node": "x" * 254}, "malformed"),
        ({"uuid": "x" * 129}, "malformed"),
        ({"uuid": ""}, "malformed"),
        ({"uuid": "GPU\n1"}, "malformed"),
        ({"uuid": 7}, "malformed"),
    ],
)
def test_a_bad_label_skips_its_alert_and_no_other(change: dict[str, Any], reason: str) -> None:
    reading = read_alertmanager([alert({**LABELS, **change}), alert(LABELS)], KNOWN, "")

    assert len(reading.findings) == 1
    assert reading.skipped == {reason: 1}


@pytest.mark.parametrize(
    "bad",
    [None, 1, "text", [], {}, {"labels": None}, alert(LABELS, startsAt="soon"),
     alert(LABELS, startsAt=7), alert(LABELS, status=[1]), alert(LABELS, annotations=[1])],
)  # fmt: skip
def test_a_malformed_alert_skips_itself_and_no_other(bad: Any) -> None:
    reading = read_alertmanager([bad, alert(LABELS)], KNOWN, "")

    assert len(reading.findings) == 1
    assert sum(reading.skipped.values()) == 1


def test_an_answer_that_is_no_list_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a list"):
        read_alertmanager({"alerts": []}, KNOWN, "")


def test_a_silenced_alert_says_so() -> None:
    silenced = alert(LABELS, status={"state": "suppressed", "silencedBy": ["id"]})

    (finding,) = read_alertmanager([silenced], KNOWN, "").findings

    assert finding.silenced


def test_an_inhibited_alert_is_a_fault_all_the_same() -> None:
    inhibited = alert(LABELS, status={"state": "suppressed", "inhibitedBy": ["id"]})

    (finding,) = read_alertmanager([inhibited], KNOWN, "").findings

    assert not finding.silenced


def test_a_port_without_guid_is_named_by_device_and_port() -> None:
    without = {**PORT, "guid": ""}

    reading = read_alertmanager([alert(PORT), alert(without)], KNOWN, "")

    assert [(f.device, f.name) for f in reading.findings] == [
        ("506b:4b03", "mlx5_0/1"),
        ("mlx5_0+1", "mlx5_0/1"),
    ]


def test_an_alert_may_not_ask_for_more_than_its_rule_was_rendered_with() -> None:
    (finding,) = read_alertmanager([alert({**PORT, "verdict": "drain"})], KNOWN, "").findings

    assert finding.verdict is Verdict.CORDON


def test_another_clusters_alert_is_ignored_and_alertmanagers_must_name_ours() -> None:
    named = [alert({**LABELS, "cluster": name}) for name in ("ours", "theirs")]

    reading = read_alertmanager([*named, alert(LABELS)], KNOWN, "ours")

    assert len(reading.findings) == 1
    assert reading.skipped == {"other_cluster": 2}


def test_prometheus_leaves_its_own_cluster_out() -> None:
    told = [{**LABELS, "alertstate": "firing"}, {**LABELS, "alertstate": "firing", "cluster": "x"}]

    reading = read_prometheus(told, KNOWN, "ours", {})

    assert len(reading.findings) == 1
    assert reading.skipped == {"other_cluster": 1}


def test_prometheus_tells_firing_from_pending_and_since_when() -> None:
    firing, pending = (
        {**LABELS, "__name__": "ALERTS", "alertstate": s} for s in ("firing", "pending")
    )
    since = {without_state({**LABELS, "__name__": "ALERTS_FOR_STATE"}): 1795314660.5}

    reading = read_prometheus([firing, pending, {**LABELS, "alertstate": "?"}], KNOWN, "", since)

    assert [(f.firing, f.confirmed, f.since) for f in reading.findings] == [
        (True, True, 1795314660),
        (False, False, 1795314660),
    ]
    assert reading.skipped == {"malformed": 1}


def test_sources_are_one_in_any_order() -> None:
    manager = lost_gpu("a", confirmed=False, since=500, evidence="why", silenced=True)
    judge = lost_gpu("a", confirmed=True, since=400, evidence="")
    suspects = lost_gpu("a", firing=False, confirmed=False, since=100)
    other = link_down("a")

    orders = [
        merge(order)
        for order in (
            (manager, judge, suspects, other),
            (suspects, other, judge, manager),
            (judge, suspects, manager, other),
        )
    ]

    assert orders[0] == orders[1] == orders[2]
    merged = orders[0]["a"][("GpuFellOffBus", "GPU-a")]
    assert (merged.firing, merged.confirmed, merged.silenced) == (True, True, True)
    assert (merged.since, merged.evidence) == (400, "why")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "labels": st.dictionaries(st.sampled_from(sorted(LABELS)), json_values) | json_values,
            "annotations": json_values,
            "startsAt": st.text() | st.just("9999-12-31T23:59:59Z") | json_values,
            "status": json_values,
        },
    )
)
@settings(max_examples=examples(300), deadline=None)
def test_no_alert_whatever_stops_the_reading(bad: dict[str, Any]) -> None:
    good = alert({**LABELS, "node": "good"})

    reading = read_alertmanager([bad, good], KNOWN, "")

    assert reading.findings[-1].node == "good"
