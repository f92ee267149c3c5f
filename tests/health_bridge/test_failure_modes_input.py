"""Failure modes 1 to 11: what alerts, webhooks, exporters and Prometheus can do wrong.

docs/bridge.md lists them all, with the test of each.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.platform.railwatch_watchdog import ALERT as WATCHDOG
from testbed.http import Client
from testbed.servers import Prometheus
from testbed.waiting import wait_until
from tests.health_bridge.site import (
    HINTED,
    PROOFS,
    RESEND,
    RULES,
    Bridge,
    Site,
    _config,
    bridge,
)
from tests.health_bridge.test_loop import stopped

pytestmark = pytest.mark.cluster

DRAINED = [("railwatch.io/gpu-unavailable", "drain", "NoSchedule")]
LINK_DOWN = [("railwatch.io/rdma-link-down", "cordon", "NoSchedule")]
CYCLES = "railwatch_bridge_cycle_duration_seconds_count"


def cycles(process: Bridge, count: int = 2) -> None:
    """Wait for so many more whole cycles."""
    before = process.metric(CYCLES) or 0
    wait_until(lambda: (process.metric(CYCLES) or 0) > before + count)


def payload(status: str, nodes: Sequence[str], *, truncated: int = 0) -> str:
    """Return what Alertmanager posts of the lost GPUs of nodes."""
    alerts = [
        {
            "status": status,
            "labels": {
                "alertname": "GpuFellOffBus",
                "fault": "GpuFellOffBus",
                "condition": "GpuUnavailable",
                "verdict": "drain",
                "scope": "gpu",
                "node": node,
                "uuid": f"GPU-{node}",
            },
            "startsAt": "2026-01-01T00:00:00Z",
        }
        for node in nodes
    ]
    document = {
        "version": "4",
        "status": status,
        "truncatedAlerts": truncated,
        "alerts": alerts,
    }
    return json.dumps(document)


def hint(process: Bridge, body: str) -> None:
    """Post a webhook, and wait until the bridge has looked because of it."""
    before = process.metric(CYCLES) or 0
    answer = process.client.request(
        "POST", "/api/v1/webhook", body=body, content_type="application/json"
    )
    assert answer.status == 202
    wait_until(lambda: (process.metric(CYCLES) or 0) > before)


def hint_until_drained(site: Site, process: Bridge, body: str, node: str) -> None:
    """Post a webhook until a look that it makes the bridge take has found the node's fault."""

    def drained() -> bool:
        hint(process, body)
        return site.our_taints(node) == DRAINED and site.status(node) == "True"

    wait_until(drained, what=f"a look finds {node} faulty")


def test_01_webhooks_twice_out_of_order_and_resolved_before_firing_change_nothing_that_is_true(
    site: Site,
) -> None:
    site.nodes("order-0", "order-1")
    wait_until(lambda: site.prometheus.query('railwatch:observed{node="order-1"}'))
    firing, resolved = (
        payload(status, ["order-0", "order-1"]) for status in ("firing", "resolved")
    )

    with bridge(site, "order-0", *HINTED) as process:
        site.await_status("order-0", "False")
        site.await_status("order-1", "False")
        site.exporters.lose_gpu("order-0")
        site.await_firing("order-0")
        hint_until_drained(site, process, resolved, "order-0")
        first = site.condition("order-0", "GpuUnavailable")["lastTransitionTime"]
        taints = taint_steps(process)
        for body in (firing, firing, resolved, firing, resolved, resolved):
            hint(process, body)
        more = taint_steps(process)

    condition = site.condition("order-0", "GpuUnavailable")
    assert (condition["status"], condition["lastTransitionTime"]) == ("True", first)
    assert site.our_taints("order-0") == DRAINED
    assert more == taints
    assert site.status("order-1") == "False"
    assert site.our_taints("order-1") == []


def taint_steps(process: Bridge) -> list[float | None]:
    """Return how often it has set and has removed a taint."""
    series = 'railwatch_bridge_steps_total{kind="%s"}'
    return [process.metric(series % kind) for kind in ("set_taint", "remove_taint")]


def test_02_a_resolved_that_was_lost_is_made_good_by_looking(site: Site) -> None:
    site.nodes("lost")
    with bridge(site, "lost") as process:
        site.exporters.drop_link("lost")
        site.await_status("lost", "True", "RdmaLinkDown")
        site.await_taints("lost", LINK_DOWN)
        process.kill()
    site.exporters.heal("lost")
    site.await_quiet("lost")
    while_away = site.status("lost", "RdmaLinkDown"), site.our_taints("lost")

    with bridge(site, "lost"):
        site.await_status("lost", "False", "RdmaLinkDown")

    assert while_away == ("True", LINK_DOWN)
    assert site.our_taints("lost") == []


def test_03_a_truncated_payload_makes_it_look_at_all_there_is(site: Site) -> None:
    names = [f"truncated-{i}" for i in range(3)]
    site.nodes(*names)
    wait_until(lambda: site.prometheus.query(f'railwatch:observed{{node="{names[2]}"}}'))

    with bridge(site, names[0], *HINTED) as process:
        site.await_status(names[0], "False")
        for name in names:
            site.exporters.lose_gpu(name)
        for name in names:
            site.await_firing(name)
        body = payload("firing", names[:1], truncated=2)
        for name in names:
            hint_until_drained(site, process, body, name)


def test_04_malformed_alerts_and_unknown_nodes_hold_up_nothing(site: Site) -> None:
    site.nodes("rest")
    site.exporters.lose_gpu("no-such-node")
    labels = {"fault": "GpuFellOffBus", "condition": "GpuUnavailable", "scope": "gpu"}
    bad: list[dict[str, str]] = [
        {**labels, "node": "rest", "verdict": "explode", "uuid": "x"},
        {**labels, "node": "rest", "verdict": "drain", "condition": "Nonsense"},
        {**labels, "node": "rest", "verdict": "drain", "fault": "NeverHeardOf", "uuid": "x"},
        {**labels, "node": "é" * 200, "verdict": "drain", "uuid": "x"},
        {"condition": "GpuUnavailable"},
    ]
    try:
        with bridge(site, "rest") as process:
            for each in bad:
                site.post_alert(each)
            site.exporters.lose_gpu("rest")
            site.await_firing("no-such-node")
            site.await_status("rest", "True")
            site.await_taints("rest", DRAINED)
            skipped = {
                reason: f'railwatch_bridge_alerts_skipped{{reason="{reason}"}}'
                for reason in ("malformed", "unknown_node", "unknown_condition", "unknown_fault")
            }
            for series in skipped.values():
                wait_until(lambda s=series: process.metric(s), what=series)  # type: ignore[misc] # bound now
            process.await_ready()
    finally:
        site.exporters.stop("no-such-node")


def test_05_without_prometheus_nothing_is_cleared_and_the_watchdog_falls_silent(
    site: Site,
) -> None:
    """Ten minutes are made twelve seconds: an alert ends 4 x --rules.alert.resend-delay after."""
    site.nodes("watched")
    up = f'railwatch_bridge_source_up{{kind="prometheus",source="{site.prometheus.url}"}}'
    with bridge(site, "watched", "--blind-grace=1s") as process:
        site.await_status("watched", "False", "GpuUnavailable")
        site.exporters.drop_link("watched")
        site.await_status("watched", "True", "RdmaLinkDown")
        site.await_taints("watched", LINK_DOWN)
        wait_until(lambda: WATCHDOG.name in alert_names(site))
        with stopped(site.prometheus):
            site.exporters.heal("watched")
            wait_until(lambda: WATCHDOG.name not in alert_names(site))
            site.await_status("watched", "Unknown", "GpuUnavailable")
            cycles(process)
            during = site.status("watched", "RdmaLinkDown"), site.our_taints("watched")
            told = process.metric(up), process.get("/readyz").status
        site.await_status("watched", "False", "RdmaLinkDown")
        site.await_status("watched", "False", "GpuUnavailable")

    assert during == ("True", LINK_DOWN)
    assert [*told] == [0, 503]
    assert site.our_taints("watched") == []


def alert_names(site: Site) -> set[str]:
    return {alert["labels"]["alertname"] for alert in site.alertmanager.alerts()}


# 6: test_loop.py


def test_07_one_of_two_prometheis_alone_neither_clears_nor_hides(site: Site) -> None:
    site.nodes("both")
    config = yaml.safe_dump(_config(site.exporters, site.alertmanager, "300ms"))
    with (
        Prometheus(config, rules=[RULES], flags=[RESEND]) as second,
        bridge(site, "both", f"--prometheus.url={second.url}", "--timeout=1s") as process,
    ):
        site.exporters.drop_link("both")
        site.await_status("both", "True", "RdmaLinkDown")
        site.await_taints("both", LINK_DOWN)
        wait_until(lambda: second.url in (site.annotation("both", "owned") or ""))
        second.pause()
        site.exporters.heal("both")
        site.await_quiet("both")
        proven = 'min_over_time(test_link_healthy{node="both"}[3s]) == 1'
        wait_until(lambda: site.prometheus.query(proven))
        cycles(process)
        wait_until(lambda: is_ready_without(process, second.url))
        held = site.status("both", "RdmaLinkDown"), site.our_taints("both")
        site.exporters.lose_gpu("both")
        site.await_status("both", "True")
        wait_until(lambda: DRAINED[0] in site.our_taints("both"))
        second.resume()
        site.await_status("both", "False", "RdmaLinkDown")

    assert held == ("True", LINK_DOWN)
    assert site.our_taints("both") == DRAINED


def is_ready_without(process: Bridge, source: str) -> bool:
    answer = process.get("/readyz")
    return answer.status == 200 and f"down: {source}" in answer.text


def test_08_a_restart_of_prometheus_within_an_alerts_hold_is_no_recovery(site: Site) -> None:
    """A hold below --rules.alert.for-grace-period begins anew: pending, then firing again."""
    site.nodes("hold")
    with bridge(site, "hold") as process:
        site.exporters.drop_link("hold")
        site.await_status("hold", "True", "RdmaLinkDown")
        site.await_taints("hold", LINK_DOWN)
        cycles(process)
        before = site.condition("hold", "RdmaLinkDown"), taint_steps(process)
        site.prometheus.kill()
        killed = time.time()
        site.prometheus.start()
        since = f"[10m:100ms]) > {killed}"
        pending = 'max_over_time(timestamp(ALERTS{node="hold",alertstate="pending"})' + since
        wait_until(lambda: site.prometheus.query(pending), what="it is pending once more")
        cycles(process, 1)
        meanwhile = site.condition("hold", "RdmaLinkDown")["status"], site.our_taints("hold")
        firing = f'timestamp(ALERTS{{node="hold",alertstate="firing"}}) > {killed}'
        wait_until(lambda: site.prometheus.query(firing), what="it fires once more")
        cycles(process)
        taints = taint_steps(process)

    after = site.condition("hold", "RdmaLinkDown")
    assert meanwhile == ("True", LINK_DOWN)
    assert after["lastTransitionTime"] == before[0]["lastTransitionTime"]
    assert site.our_taints("hold") == LINK_DOWN
    assert taints == before[1]


def silence(site: Site, node: str) -> str:
    now = time.time()
    stamp = "%Y-%m-%dT%H:%M:%SZ"
    body = {
        "matchers": [{"name": "node", "value": node, "isRegex": False, "isEqual": True}],
        "startsAt": time.strftime(stamp, time.gmtime(now - 5)),
        "endsAt": time.strftime(stamp, time.gmtime(now + 600)),
        "createdBy": "tests",
        "comment": "being repaired",
    }
    answer = Client(site.alertmanager.url).request(
        "POST", "/api/v2/silences", body=json.dumps(body), content_type="application/json"
    )
    return str(answer.json()["silenceID"])


def lost_gpu_told_by_hand(node: str) -> dict[str, str]:
    """Return the alert that Prometheus tells of a lost GPU, as anyone may post it."""
    return {
        "fault": "GpuFellOffBus",
        "condition": "GpuUnavailable",
        "verdict": "drain",
        "scope": "gpu",
        "node": node,
        "uuid": f"GPU-{node}",
    }


def suppressed_by(site: Site, node: str, what: str) -> list[Any]:
    return [
        alert
        for alert in site.alertmanager.alerts()
        if alert["labels"].get("node") == node
        and alert["labels"].get("condition")
        and alert["status"][what]
    ]


def test_09_a_silenced_alert_only_tells_and_an_inhibited_one_acts(site: Site) -> None:
    """Alertmanager tells of the silence before Prometheus tells of the fault, and goes on."""
    site.nodes("silenced", "inhibited")
    silenced = silence(site, "silenced")
    site.post_alert({"alertname": "Inhibitor", "node": "inhibited"})
    site.post_alert(lost_gpu_told_by_hand("silenced"))
    wait_until(lambda: suppressed_by(site, "silenced", "silencedBy"))

    with bridge(site, "silenced") as process:
        site.exporters.lose_gpu("silenced")
        site.exporters.lose_gpu("inhibited")
        site.await_firing("silenced")
        site.await_status("silenced", "True")
        site.await_status("inhibited", "True")
        wait_until(lambda: suppressed_by(site, "inhibited", "inhibitedBy"))
        site.await_taints("inhibited", DRAINED)
        cycles(process)
        quiet = site.our_taints("silenced")
        Client(site.alertmanager.url).request("DELETE", f"/api/v2/silence/{silenced}")
        site.await_taints("silenced", DRAINED)

    assert quiet == []


def test_10_flapping_makes_one_taint_and_few_writes(site: Site) -> None:
    site.nodes("flap")
    with bridge(site, "flap") as process:
        site.await_status("flap", "False")
        site.exporters.lose_gpu("flap")
        site.await_taints("flap", DRAINED)
        site.await_status("flap", "True")
        cycles(process)
        taints = taint_steps(process)
        first = site.condition("flap", "GpuUnavailable")["lastTransitionTime"]
        for turn in range(1, 8):
            (site.exporters.heal if turn % 2 else site.exporters.lose_gpu)("flap")
            cycles(process, 2)
        series = 'railwatch_bridge_steps_total{kind="%s"}'
        steps = {
            kind: process.metric(series % kind) for kind in ("set_annotation", "set_condition")
        }
        more = taint_steps(process)

    assert site.our_taints("flap") == DRAINED
    assert first == site.condition("flap", "GpuUnavailable")["lastTransitionTime"]
    assert more == taints
    assert (steps["set_annotation"] or 0) <= 2 * 8
    assert (steps["set_condition"] or 0) <= 2 + 8


def without(folder: Path, fault: str) -> Path:
    """Return a proofs file as it is rendered once a rule is gone."""
    document = yaml.safe_load(PROOFS.read_text(encoding="utf-8"))
    document["faults"] = [each for each in document["faults"] if each["fault"] != fault]
    path = folder / "proofs.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_11_a_rule_that_is_gone_leaves_no_condition_that_nobody_maintains(
    site: Site, tmp_path: Path
) -> None:
    site.nodes("gone-0", "gone-1")
    with bridge(site, "gone-0"):
        site.await_status("gone-0", "False", "RdmaLinkDown")
        site.exporters.drop_link("gone-1")
        site.await_status("gone-1", "True", "RdmaLinkDown")
        site.await_taints("gone-1", LINK_DOWN)
        site.await_status("gone-0", "False")
    site.exporters.heal("gone-1")
    site.await_quiet("gone-1")

    with bridge(site, "gone-0", f"--proofs.file={without(tmp_path, 'RdmaLinkDown')}") as process:
        wait_until(lambda: site.status("gone-0", "RdmaLinkDown") is None)
        cycles(process)
        held = site.status("gone-1", "RdmaLinkDown"), site.our_taints("gone-1")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        vouched = {"metadata": {"annotations": {"railwatch.io/verified": now}}}
        site.cluster.api.merge("/api/v1/nodes/gone-1", vouched)
        wait_until(lambda: site.status("gone-1", "RdmaLinkDown") is None)

    assert held == ("True", LINK_DOWN)
    assert site.status("gone-0") == "False"
    assert site.our_taints("gone-1") == []
