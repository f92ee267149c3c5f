"""Real alerts through a real Alertmanager: who is told of what, and who is spared."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.routes import RouteSettings, configuration
from testbed.http import Client
from testbed.servers import Alertmanager
from testbed.waiting import until_true, wait_until

SECOND = timedelta(seconds=1)
LEAF = {"alertname": "FabricLeafDown", "domain": "leaf-1", "severity": "critical"}
NODE = {"cluster": "eu", "node": "n1"}
PORT = {**NODE, "device": "mlx5_0", "port": "1"}
LINK_DOWN = {
    **PORT,
    "alertname": "RdmaLinkDown",
    "condition": "RdmaLinkDown",
    "fault": "RdmaLinkDown",
    "verdict": "cordon",
    "severity": "critical",
    "guid": "0xa",
}


@dataclass
class Post:
    """Takes webhooks, several at once; who was told of what, and with which token."""

    tokens: dict[str, str | None] = field(default_factory=dict)
    url: str = ""
    _told: dict[str, set[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, receiver: str, token: str | None, alerts: list[dict[str, Any]]) -> None:
        names = {f"{a['labels']['alertname']}@{a['labels'].get('node', '')}" for a in alerts}
        with self._lock:
            self.tokens[receiver] = token
            self._told.setdefault(receiver, set()).update(names)

    @property
    def told(self) -> dict[str, set[str]]:
        """Who was told of what by now."""
        with self._lock:
            return {receiver: {*names} for receiver, names in self._told.items()}


@pytest.fixture
def post() -> Iterator[Post]:
    """Return who was told what, filled by a server that runs meanwhile."""
    box = Post()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            box.take(self.path.strip("/"), self.headers.get("Authorization"), body["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    box.url = f"http://127.0.0.1:{server.server_port}"
    yield box
    server.shutdown()
    server.server_close()
    thread.join()


def hook(post: Post, name: str) -> dict[str, Any]:
    return {"webhook_configs": [{"url": f"{post.url}/{name}", "send_resolved": False}]}


@pytest.fixture
def alertmanager(post: Post, tmp_path: Path) -> Iterator[Alertmanager]:
    """Return an Alertmanager with every kind of receiver, which waits for nothing."""
    token = tmp_path / "token"
    token.write_text("secret", encoding="utf-8")
    settings = RouteSettings(
        bridge_url=f"{post.url}/bridge",
        bridge_token_file=str(token),
        watchdog_url=f"{post.url}/watchdog",
        group_wait=SECOND,
        group_interval=SECOND,
        people=hook(post, "people"),
        pages=hook(post, "pages"),
        quiet=hook(post, "quiet"),
        teams={"ml": hook(post, "team-ml")},
        clusters={"us": hook(post, "cluster-us")},
    )
    written = configuration(settings, {"training": "ml", "web": "shop"})
    with Alertmanager(yaml.safe_dump(written)) as running:
        yield running


def fire(alertmanager: Alertmanager, *alerts: dict[str, str]) -> None:
    body = json.dumps([{"labels": each, "annotations": {}} for each in alerts])
    answer = Client(alertmanager.url).request(
        "POST", "/api/v2/alerts", body=body, content_type="application/json"
    )
    assert answer.status == 200, answer.text


def settle(post: Post, alertmanager: Alertmanager) -> None:
    """Wait until a last alert has arrived, which is told later than those that fired before."""
    fire(alertmanager, {"alertname": "Last", "severity": "warning", "cluster": "eu"})
    wait_until(lambda: "Last@" in post.told.get("people", set()))


def without_last(told: dict[str, set[str]]) -> dict[str, set[str]]:
    return {receiver: names - {"Last@"} for receiver, names in told.items()}


def until_told(post: Post, expected: dict[str, set[str]]) -> None:
    """Wait until each of these receivers was told of just that: each is told at its own time."""

    def told() -> None:
        assert without_last(post.told).items() >= expected.items()

    until_true(told)


@pytest.mark.cluster
def test_each_is_told_of_what_concerns_them(post: Post, alertmanager: Alertmanager) -> None:
    fire(
        alertmanager,
        LINK_DOWN,
        {"alertname": "RailwatchWatchdog", "severity": "info"},
        {"alertname": "ExporterDown", "severity": "warning", **NODE, "node": "n2"},
        {"alertname": "GpuIdleAllocated", "severity": "info", **NODE, "namespace": "training"},
        {"alertname": "GpuIdleAllocated", "severity": "info", "node": "n3", "namespace": "web"},
        {"alertname": "GpuMissing", "severity": "critical", "cluster": "us", "node": "n4"},
    )
    wait_until(lambda: {"bridge", "watchdog", "pages", "team-ml", "quiet"} <= set(post.told))

    settle(post, alertmanager)

    expected = {
        "bridge": {"RdmaLinkDown@n1"},
        "watchdog": {"RailwatchWatchdog@"},
        "pages": {"RdmaLinkDown@n1", "GpuMissing@n4"},
        "people": {"RdmaLinkDown@n1", "ExporterDown@n2"},
        "team-ml": {"GpuIdleAllocated@n1"},
        "quiet": {"GpuIdleAllocated@n3"},
        "cluster-us": {"GpuMissing@n4"},
    }
    until_told(post, expected)
    assert without_last(post.told).keys() == expected.keys()
    assert post.tokens["bridge"] == "Bearer secret"
    assert post.tokens["people"] is None


@pytest.mark.cluster
def test_a_failed_leaf_keeps_its_ports_from_people_and_not_from_the_bridge(
    post: Post, alertmanager: Alertmanager
) -> None:
    behind = {**PORT, "alertname": "RdmaPortBehindFault", "severity": "info"}
    elsewhere = {**LINK_DOWN, "node": "n9"}

    fire(alertmanager, behind, {**LEAF, "cluster": "eu"})
    wait_until(lambda: "FabricLeafDown@" in post.told.get("people", set()))
    fire(alertmanager, LINK_DOWN, elsewhere)
    wait_until(lambda: "RdmaLinkDown@n9" in post.told.get("people", set()))
    settle(post, alertmanager)

    until_told(post, {"people": {"FabricLeafDown@", "RdmaLinkDown@n9"}})
    wait_until(lambda: "RdmaLinkDown@n9" in post.told.get("bridge", set()))
    assert "RdmaLinkDown@n1" not in post.told["bridge"]
    states = {
        (a["labels"]["alertname"], a["labels"].get("node")): a["status"]["state"]
        for a in alertmanager.alerts()
    }
    assert states["RdmaLinkDown", "n1"] == "suppressed"
    assert states["RdmaLinkDown", "n9"] == "active"


@pytest.mark.cluster
def test_a_node_that_is_down_says_it_all(post: Post, alertmanager: Alertmanager) -> None:
    down = {"alertname": "KubeNodeNotReady", "severity": "warning", **NODE}
    silent = {"alertname": "ExporterDown", "severity": "warning", **NODE}

    fire(alertmanager, down)
    wait_until(lambda: len(alertmanager.alerts()) == 1)
    fire(alertmanager, silent, LINK_DOWN, {**silent, "node": "n2"})
    wait_until(lambda: "ExporterDown@n2" in post.told.get("people", set()))

    settle(post, alertmanager)
    until_told(post, {"people": {"KubeNodeNotReady@n1", "ExporterDown@n2"}})


@pytest.mark.cluster
def test_of_one_device_only_the_gravest_is_told(post: Post, alertmanager: Alertmanager) -> None:
    gpu = {**NODE, "uuid": "GPU-1", "gpu": "0", "severity": "warning"}
    grave = {**gpu, "alertname": "GpuXidReset", "condition": "GpuResetRequired", "verdict": "drain"}
    mild = {**gpu, "alertname": "GpuThermalThrottle", "condition": "GpuDegraded"}
    mild |= {"verdict": "avoid"}

    fire(alertmanager, grave)
    wait_until(lambda: len(alertmanager.alerts()) == 1)
    fire(alertmanager, mild, {**mild, "uuid": "GPU-2", "node": "n2"})
    wait_until(lambda: "GpuThermalThrottle@n2" in post.told.get("people", set()))

    settle(post, alertmanager)
    until_told(post, {"people": {"GpuXidReset@n1", "GpuThermalThrottle@n2"}})
