"""What the running bridge leaves behind, on the real servers."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from testbed.waiting import PATIENCE, wait_until
from tests.health_bridge.site import ROOT, Bridge, Site, bridge

pytestmark = pytest.mark.cluster


def events(site: Site, node: str) -> list[Mapping[str, Any]]:
    """Return what the bridge has told of a node."""
    path = f"/api/v1/namespaces/default/events?fieldSelector=involvedObject.name={node}"
    found = site.cluster.api.items(path)
    return [each for each in found if each["source"]["component"] == "railwatch-bridge"]


def await_event(site: Site, node: str, reason: str, words: str) -> Mapping[str, Any]:
    """Wait until the bridge has told something of a node; return that."""

    def told() -> Mapping[str, Any] | None:
        of_reason = (each for each in events(site, node) if each["reason"] == reason)
        return next((each for each in of_reason if words in each["message"]), None)

    return wait_until(told, what=f"{reason} of {node}: {words}")


def status(process: Bridge, query: str = "") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(process.get(f"/status.json{query}").text)
    return document


def test_a_fault_leaves_a_line_an_event_a_latency_and_a_place_on_the_page(
    site: Site, tmp_path: Path
) -> None:
    site.nodes("told")
    log = tmp_path / "decisions.jsonl"

    with bridge(site, "told", f"--decision-log={log}") as process:
        site.await_status("told", "False")
        site.exporters.lose_gpu("told")
        site.await_status("told", "True")
        event = await_event(
            site, "told", "FaultApplied", "GpuFellOffBus of GPU 3 (GPU-told): drain applied"
        )
        wait_until(lambda: all(source["up"] for source in status(process)["sources"]))
        page, known = process.get("/"), status(process)
        none = status(process, "?node=nobody")
        site.exporters.heal("told")
        site.exporters.reboot("told")
        site.await_status("told", "False")
        await_event(site, "told", "FaultCleared", "")
        hop = 'railwatch_bridge_fault_latency_seconds_count{hop="%s"}'
        hops = {name: process.metric(hop % name) for name in ("seen", "taint", "total")}
        lines = 'railwatch_bridge_decision_log_lines_total{result="written"}'
        wait_until(
            lambda: process.metric(lines) == len(log.read_bytes().splitlines()),
            what="as many lines are written as counted",
        )

    assert event["type"] == "Warning"
    assert hops == {"seen": 1, "taint": 1, "total": 1}
    assert page.status == 200
    assert "GPU-told" in page.text
    assert known["mode"] == "writes"
    assert [node["name"] for node in known["nodes"]] == ["told"]
    assert none["nodes"] == []
    assert replayed(log) == (0, "0 differ; nodes out of use at most: 1 recorded, 1 replayed")
    code, milder = replayed(log, "--verdict.max=avoid")
    assert (code, milder.partition("; ")[2]) == (
        1,
        "nodes out of use at most: 1 recorded, 0 replayed",
    )


def replayed(log: Path, *flags: str) -> tuple[int, str]:
    """Replay a log as users do; return the exit code and the end of the last line."""
    ended = subprocess.run(
        [sys.executable, "-m", "health_bridge", "replay", "--check", *flags, str(log)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return ended.returncode, ended.stdout.splitlines()[-1].partition(", ")[2]


def test_a_shadow_writes_nothing_and_tells_what_would_be(site: Site) -> None:
    site.nodes("shadow")
    before = site.cluster.node("shadow")["metadata"]["resourceVersion"]

    with bridge(site, "shadow", "--shadow") as process:
        site.exporters.lose_gpu("shadow")
        taints = 'railwatch_bridge_shadow_taints{condition="GpuUnavailable",verdict="drain"}'
        wait_until(lambda: process.metric(taints) == 1)
        site.exporters.heal("shadow")
        site.await_quiet("shadow")
        wait_until(lambda: status(process)["states"]["awaiting_reboot"] == 1)
        still = process.metric(taints)
        site.exporters.reboot("shadow")
        wait_until(lambda: process.metric(taints) == 0)
        known = status(process)

    assert still == 1
    assert known["mode"] == "shadow"
    assert site.cluster.node("shadow")["metadata"]["resourceVersion"] == before
    assert events(site, "shadow") == []


def test_daemonsets_that_lack_a_toleration_are_named(site: Site) -> None:
    site.nodes("daemons-0", "daemons-1")
    pod = {
        "nodeSelector": {"test": "daemons-0"},
        "containers": [{"name": "c", "image": "none"}],
    }
    labels = {"app": "daemons"}
    site.cluster.api.create(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "plugin", "namespace": "default"},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    )

    with bridge(site, "daemons-0") as process:
        wait_until(lambda: process.metric("railwatch_bridge_intolerant_nodes") == 2)
        told = status(process)["daemonsets"]

    assert told["state"] == "done"
    assert [(each["name"], each["some"]) for each in told["intolerant"]] == [
        ("default/plugin", ["daemons-0", "daemons-1"])
    ]
