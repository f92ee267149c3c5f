"""The bridge between a real Prometheus, a real Alertmanager and a real kube-apiserver."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed.api import ApiError
from testbed.http import Answer
from testbed.servers.server import Server
from testbed.waiting import wait_until
from tests.health_bridge.site import HINTED, Bridge, Site, bridge

pytestmark = pytest.mark.cluster

DRAINED = [("railwatch.io/gpu-unavailable", "drain", "NoSchedule")]
LINK_DOWN = [("railwatch.io/rdma-link-down", "cordon", "NoSchedule")]


def cycles(process: Bridge, count: int) -> None:
    """Wait for so many more whole cycles."""
    series = "railwatch_bridge_cycle_duration_seconds_count"
    before = process.metric(series) or 0
    wait_until(lambda: (process.metric(series) or 0) > before + count)


def test_an_alert_becomes_a_condition_a_taint_and_a_record(site: Site) -> None:
    site.nodes("alert-0", "alert-1")

    with bridge(site, "alert-0"):
        site.await_status("alert-0", "False")
        site.exporters.lose_gpu("alert-0")
        site.await_status("alert-0", "True")
        site.await_taints("alert-0", DRAINED)
        wait_until(
            lambda: "drain applied;" in site.condition("alert-0", "GpuUnavailable")["message"]
        )

    condition = site.condition("alert-0", "GpuUnavailable")
    assert condition["reason"] == "GpuFellOffBus"
    assert "GPU 3 (GPU-alert-0): drain applied;" in condition["message"]
    (fault,) = site.faults("alert-0")
    assert (fault.device, fault.verdict, fault.action) == ("GPU-alert-0", "drain", "applied")
    assert site.status("alert-0", "RdmaLinkDown") == "False"
    assert site.our_taints("alert-1") == []


def test_only_proof_after_a_reboot_clears_a_fault_that_demands_one(site: Site) -> None:
    site.nodes("proof")

    with bridge(site, "proof") as process:
        site.exporters.lose_gpu("proof")
        site.await_status("proof", "True")
        site.await_taints("proof", DRAINED)
        site.exporters.heal("proof")
        site.await_quiet("proof")
        proven = 'min_over_time(test_gpu_healthy{node="proof"}[3s]) == 1'
        wait_until(lambda: site.prometheus.query(proven))
        cycles(process, 3)
        held = site.status("proof"), site.our_taints("proof")
        site.exporters.reboot("proof")
        site.await_status("proof", "False")

    assert held == ("True", DRAINED)
    assert site.our_taints("proof") == []
    assert site.faults("proof") == ()


def test_evidence_comes_from_alertmanager_and_a_pending_alert_does_nothing(site: Site) -> None:
    site.nodes("pending")

    with bridge(site, "pending") as process:
        site.await_status("pending", "False", "RdmaLinkDown")
        site.exporters.suspect_link("pending")
        wait_until(lambda: process.metric("railwatch_bridge_suspected_faults") == 1)
        cycles(process, 2)
        suspected = site.status("pending", "RdmaLinkDown"), site.our_taints("pending")
        site.exporters.drop_link("pending")
        site.await_status("pending", "True", "RdmaLinkDown")
        site.await_taints("pending", LINK_DOWN)
        said = "mlx5_0/1 (guid-pending): cordon applied; Port mlx5_0/1 is down"
        wait_until(lambda: said in site.condition("pending", "RdmaLinkDown")["message"])

    assert suspected == ("False", [])


def test_what_only_an_open_alertmanager_says_is_at_most_avoided(site: Site) -> None:
    site.nodes("forged")
    labels = {
        "fault": "GpuFellOffBus",
        "condition": "GpuUnavailable",
        "verdict": "drain",
        "scope": "gpu",
        "node": "forged",
        "uuid": "GPU-x",
    }

    with bridge(site, "forged") as process:
        site.post_alert(labels)
        site.post_alert({**labels, "node": "no-such-node"})
        site.post_alert({**labels, "condition": "Nonsense"})
        site.await_status("forged", "True")
        skipped = 'railwatch_bridge_alerts_skipped{reason="%s"}'
        wait_until(lambda: process.metric(skipped % "unknown_condition"))
        wait_until(lambda: process.metric(skipped % "unknown_node"))
        cycles(process, 2)

    assert site.our_taints("forged") == [
        ("railwatch.io/gpu-unavailable", "avoid", "PreferNoSchedule")
    ]


def test_06_a_silent_exporter_is_unknown_and_taints_nothing(site: Site) -> None:
    site.nodes("blind-0", "blind-1")

    with bridge(site, "blind-0", "--blind-grace=1s"):
        site.exporters.lose_gpu("blind-1")
        site.await_status("blind-1", "True")
        site.await_taints("blind-1", DRAINED)
        site.await_status("blind-0", "False")
        site.exporters.stop("blind-0")
        site.exporters.stop("blind-1")
        site.await_status("blind-0", "Unknown")
        site.await_quiet("blind-1")

    assert site.condition("blind-0", "GpuUnavailable")["reason"] == "TelemetryLost"
    assert site.our_taints("blind-0") == []
    assert site.status("blind-1") == "True"
    assert site.our_taints("blind-1") == DRAINED


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """Keep a server away until the block ends."""
    server.stop()
    try:
        yield
    finally:
        server.start()


def answer_that_says(process: Bridge, words: str) -> Answer:
    """Wait until /readyz says something; return that answer."""

    def told() -> Answer | None:
        answer = process.get("/readyz")
        return answer if words in answer.text else None

    return wait_until(told, what=f"/readyz says {words!r}")


def test_sources_that_are_down_clear_nothing_and_are_visible(site: Site) -> None:
    site.nodes("down")
    up = f'railwatch_bridge_source_up{{kind="prometheus",source="{site.prometheus.url}"}}'

    with bridge(site, "down", "--blind-grace=1s") as process:
        site.await_status("down", "False", "GpuUnavailable")
        site.exporters.drop_link("down")
        site.await_status("down", "True", "RdmaLinkDown")
        site.await_taints("down", LINK_DOWN)
        with stopped(site.prometheus):
            site.exporters.heal("down")
            wait_until(lambda: process.metric(up) == 0)
            without_prometheus = answer_that_says(process, "no Prometheus answers")
            site.await_status("down", "Unknown", "GpuUnavailable")
            held = site.status("down", "RdmaLinkDown"), site.our_taints("down")
        site.await_status("down", "False", "RdmaLinkDown")
        process.await_ready()

    assert without_prometheus.status == 503
    assert held == ("True", LINK_DOWN)
    assert site.our_taints("down") == []


def test_alertmanager_may_be_away_from_the_start(site: Site) -> None:
    site.nodes("away")
    site.exporters.lose_gpu("away")
    site.await_firing("away")
    with stopped(site.alertmanager), bridge(site, "away") as process:
        site.await_status("away", "True")
        site.await_taints("away", DRAINED)
        process.await_ready()
        ready = process.get("/readyz")

    assert f"down: {site.alertmanager.url}" in ready.text


def test_a_restart_of_the_kube_apiserver_is_survived(site: Site) -> None:
    site.nodes("restart")
    failures = 'railwatch_bridge_api_errors_total{kind="unreachable"}'

    with bridge(site, "restart") as process:
        site.await_status("restart", "False")
        with stopped(site.cluster.apiserver):
            wait_until(lambda: (process.metric(failures) or 0) > 0)
            away = answer_that_says(process, "kube-apiserver: GET /api/v1/nodes")
            site.exporters.lose_gpu("restart")
        site.await_status("restart", "True")
        site.await_taints("restart", DRAINED)
        process.await_ready()

    assert away.status == 503


def test_21_a_restart_of_the_bridge_neither_heals_nor_fires_anew(site: Site) -> None:
    site.nodes("again")
    site.exporters.lose_gpu("again")
    with bridge(site, "again") as process:
        site.await_status("again", "True")
        site.await_status("again", "False", "RdmaLinkDown")
        site.await_taints("again", DRAINED)
        wait_until(lambda: site.faults("again")[0].evidence)
        cycles(process, 2)
        process.kill()
    before = site.cluster.node("again")

    with bridge(site, "again") as process:
        process.await_ready()
        cycles(process, 3)

    assert site.cluster.node("again") == before


def test_13_foreign_taints_written_at_the_same_time_survive(site: Site) -> None:
    site.nodes("race")
    path = "/api/v1/nodes/race"
    stopping = threading.Event()
    wanted: list[str] = []

    def interfere() -> None:
        for turn in itertools.count():
            if stopping.is_set():
                return
            node = site.cluster.node("race")
            kept = [t for t in node["spec"].get("taints", []) if t["key"] != f"their/{turn - 3}"]
            taints = [*kept, {"key": f"their/{turn}", "value": "x", "effect": "NoSchedule"}]
            version = {"resourceVersion": node["metadata"]["resourceVersion"]}
            try:
                site.cluster.api.merge(path, {"metadata": version, "spec": {"taints": taints}})
            except ApiError:
                continue
            wanted[:] = [t["key"] for t in taints if t["key"].startswith("their/")]

    with bridge(site, "race"):
        site.await_status("race", "False")
        thread = threading.Thread(target=interfere)
        thread.start()
        try:
            site.exporters.lose_gpu("race")
            site.await_status("race", "True")
            site.await_taints("race", DRAINED)
        finally:
            stopping.set()
            thread.join()

    assert [t["key"] for t in site.taints("race") if t["key"].startswith("their/")] == wanted
    assert site.our_taints("race") == DRAINED


def test_18_a_new_reason_keeps_the_time_of_the_last_transition(site: Site) -> None:
    site.nodes("time")

    with bridge(site, "time", "--verdict.max=observe"):
        site.exporters.lose_gpu("time")
        site.await_status("time", "True")
        site.cluster.api.merge_by_key(
            "/api/v1/nodes/time/status",
            {
                "status": {
                    "conditions": [
                        {
                            "type": "GpuUnavailable",
                            "reason": "Other",
                            "lastTransitionTime": "2020-01-01T00:00:00Z",
                        }
                    ]
                }
            },
        )
        wait_until(
            lambda: site.condition("time", "GpuUnavailable")["reason"] == "GpuFellOffBus",
        )

    assert site.condition("time", "GpuUnavailable")["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    assert site.our_taints("time") == []


def test_27_a_dry_run_prints_every_step_and_writes_nothing(site: Site) -> None:
    site.nodes("dry")
    site.exporters.lose_gpu("dry")
    site.await_firing("dry")
    before = site.cluster.node("dry")

    with bridge(site, "dry", "--dry-run") as process:
        process.await_ready()
        cycles(process, 2)
        printed = process.log.read_text(encoding="utf-8")

    assert site.cluster.node("dry") == before
    assert "dry: set taint railwatch.io/gpu-unavailable=drain:NoSchedule\n" in printed
    assert "dry: set condition GpuUnavailable=True (GpuFellOffBus): GPU 3" in printed
    assert printed.count("dry: set taint") == 1, printed


def test_16_what_rbac_forbids_is_visible(site: Site) -> None:
    site.nodes("denied")
    nobody = site.cluster.kubeconfig_for("nobody")

    with bridge(site, "denied", kubeconfig=nobody) as process:
        wait_until(lambda: process.metric('railwatch_bridge_api_errors_total{kind="denied"}'))
        ready = answer_that_says(process, "kube-apiserver: GET /api/v1/nodes: HTTP 403")

    assert ready.status == 503


def test_a_webhook_is_a_hint_to_look_now(site: Site) -> None:
    site.nodes("hint")
    wait_until(lambda: site.prometheus.query('railwatch:observed{node="hint"}'))

    with bridge(site, "hint", *HINTED) as process:
        site.await_status("hint", "False")
        site.exporters.lose_gpu("hint")
        site.await_firing("hint")
        unasked = site.status("hint")
        answers = [_post(process, body) for body in ("nonsense", "x" * 2**21, '{"version": "4"}')]
        site.await_status("hint", "True")

    assert unasked == "False"
    assert [answer.status for answer in answers] == [400, 413, 202]


def test_a_webhook_without_the_token_is_no_hint(site: Site, tmp_path: Path) -> None:
    site.nodes("token")
    (tmp_path / "token").write_text("sesame")
    flag = f"--webhook.bearer-token-file={tmp_path / 'token'}"

    with bridge(site, "token", flag) as process:
        refused = _post(process, "{}")

    assert refused.status == 401


def _post(process: Bridge, body: str) -> Answer:
    return process.client.request(
        "POST", "/api/v1/webhook", body=body, content_type="application/json"
    )
