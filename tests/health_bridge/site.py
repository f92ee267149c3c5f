"""A real Prometheus and Alertmanager over made-up exporters, and the bridge as users run it."""

import http.server
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from catalog.wire import DeviceFault, parse_devices
from testbed.http import Answer, Client
from testbed.processes import Process
from testbed.servers import Alertmanager, Cluster, Prometheus
from testbed.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]
USER = "system:serviceaccount:railwatch:railwatch-bridge"

PROOFS = ROOT / "tests" / "health_bridge" / "proofs.yaml"
RULES = ROOT / "tests" / "health_bridge" / "rules.yaml"

CLUSTER = "here"
"""As Prometheus' external label names it, and all alerts with it."""

FACILITIES = ("gpu/state", "rdma/port")

RESEND = "--rules.alert.resend-delay=3s"
"""Alertmanager hears of an alert so often, and forgets it after four times as long."""

LOOKBACK = "--query.lookback-delta=20s"
"""For so long, by default for five minutes, a Prometheus that was away tells the alerts of before.
"""

HINTED = ("--interval=1h", "--timeout=1m")
"""Makes the bridge look once, however slow the servers are, and then only when it is hinted at."""

_LISTENING = re.compile(r"msg=listening url=(\S+)")


class Exporters:
    """Every node's exporter in one: samples that a test sets, served to Prometheus."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str, str], float] = {}
        self._told = self._samples, ""
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = owner.exposition().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def exposition(self) -> str:
        samples, text = self._told
        if samples is not self._samples or not text:
            samples = self._samples
            lines = [f"{name}{{{more}}} {value}" for (name, _, more), value in samples.items()]
            text = "\n".join([*lines, ""])
            self._told = samples, text
        return text

    def set(self, name: str, node: str, value: float, **labels: str) -> None:
        more = ",".join(f'{key}="{text}"' for key, text in {"node": node, **labels}.items())
        self._samples = {**self._samples, (name, node, more): value}

    def start_all(self, nodes: Sequence[str]) -> None:
        """Let so many healthy nodes' exporters run that they are better begun all at once."""
        apart = Exporters.__new__(Exporters)
        more: dict[tuple[str, str, str], float] = {}
        for node in nodes:
            apart._samples = {}
            apart.start(node)
            more |= apart._samples
        self._samples = {**self._samples, **more}

    def lose_gpus(self, nodes: Sequence[str]) -> None:
        """Let a GPU of each node fall off the bus at one moment."""
        wanted = set(nodes)
        lost = {
            key: float(key[0] == "test_gpu_lost")
            for key in self._samples
            if key[0] in ("test_gpu_lost", "test_gpu_healthy") and key[1] in wanted
        }
        self._samples = {**self._samples, **lost}

    def reboot_all(self, nodes: Sequence[str]) -> None:
        """Let all these nodes boot at one moment."""
        booted = time.time() + 1
        at = {key: booted for key in self._samples if key[0] == "test_boot_time"}
        wanted = set(nodes)
        self._samples = {**self._samples, **{key: at[key] for key in at if key[1] in wanted}}

    def stop_all(self, nodes: Sequence[str]) -> None:
        """Let the exporters of these nodes be gone."""
        gone = set(nodes)
        self._samples = {key: value for key, value in self._samples.items() if key[1] not in gone}

    def start(self, node: str, *, boot: float | None = None) -> None:
        """Let a healthy node's exporter run: one GPU, one port."""
        for facility in FACILITIES:
            family, name = facility.split("/")
            self.set("test_collector_ok", node, 1, family=family, facility=name)
        self.set("test_boot_time", node, time.time() - 3600 if boot is None else boot)
        self.heal(node)

    def lose_gpu(self, node: str) -> None:
        self.set("test_gpu_lost", node, 1, uuid=f"GPU-{node}", gpu="3")
        self.set("test_gpu_healthy", node, 0, uuid=f"GPU-{node}")

    def drop_link(self, node: str) -> None:
        self.set("test_link_down", node, 1, guid=f"guid-{node}", device="mlx5_0", port="1")
        self.set("test_link_healthy", node, 0, guid=f"guid-{node}")

    def suspect_link(self, node: str) -> None:
        """Let an alert about the link be pending, for longer than any test."""
        self.set("test_link_suspect", node, 1, guid=f"guid-{node}", device="mlx5_0", port="1")

    def heal(self, node: str) -> None:
        self.set("test_gpu_lost", node, 0, uuid=f"GPU-{node}", gpu="3")
        self.set("test_gpu_healthy", node, 1, uuid=f"GPU-{node}")
        self.set("test_link_down", node, 0, guid=f"guid-{node}", device="mlx5_0", port="1")
        self.set("test_link_healthy", node, 1, guid=f"guid-{node}")

    def reboot(self, node: str) -> None:
        self.set("test_boot_time", node, time.time() + 1)

    def stop(self, node: str) -> None:
        self._samples = {key: value for key, value in self._samples.items() if key[1] != node}


@dataclass
class Site:
    """The servers, shared by the tests of a module; each test has nodes of its own."""

    cluster: Cluster
    prometheus: Prometheus
    alertmanager: Alertmanager
    exporters: Exporters

    def nodes(self, *names: str) -> None:
        """Register nodes under the label `test`, with exporters that find all well."""
        for name in names:
            self.exporters.start(name)
        self.cluster.add_nodes(names, labels={"test": names[0]})

    def condition(self, node: str, condition: str) -> dict[str, Any]:
        found = self.cluster.node(node)["status"]["conditions"]
        return next((each for each in found if each["type"] == condition), {})

    def status(self, node: str, condition: str = "GpuUnavailable") -> str | None:
        return self.condition(node, condition).get("status")

    def taints(self, node: str) -> list[dict[str, str]]:
        taints: list[dict[str, str]] = self.cluster.node(node)["spec"].get("taints", [])
        return taints

    def our_taints(self, node: str) -> list[tuple[str, str, str]]:
        return [
            (taint["key"], taint["value"], taint["effect"])
            for taint in self.taints(node)
            if taint["key"].startswith("railwatch.io/")
        ]

    def annotation(self, node: str, name: str) -> str | None:
        annotations = self.cluster.node(node)["metadata"].get("annotations", {})
        text: str | None = annotations.get(f"railwatch.io/{name}")
        return text

    def faults(self, node: str) -> tuple[DeviceFault, ...]:
        return parse_devices(self.annotation(node, "devices"))

    def await_status(self, node: str, status: str, condition: str = "GpuUnavailable") -> None:
        wait_until(
            lambda: self.status(node, condition) == status,
            what=f"{condition} of {node} is {status}, not {self.condition(node, condition)}",
        )

    def await_taints(self, node: str, taints: Sequence[tuple[str, str, str]]) -> None:
        """Wait until these taints of ours are there and no other.

        An alert that Alertmanager tells a moment earlier than Prometheus only avoids a node at
        first, so a condition that is True may still be without them.
        """
        wait_until(
            lambda: self.our_taints(node) == list(taints),
            what=f"{node} has just the taints {taints}",
        )

    def await_firing(self, node: str, alert: str = "GpuFellOffBus") -> None:
        query = f'ALERTS{{node="{node}",alertname="{alert}",alertstate="firing"}}'
        wait_until(lambda: self.prometheus.query(query), what=f"{alert} fires")

    def await_quiet(self, node: str) -> None:
        """Wait until no alert of a node is active in either server."""
        wait_until(
            lambda: (
                not self.prometheus.query(f'ALERTS{{node="{node}"}}')
                and not [a for a in self.alertmanager.alerts() if a["labels"].get("node") == node]
            ),
            what=f"the alerts of {node} are over",
        )

    def post_alert(self, labels: dict[str, str]) -> None:
        """Put an alert into Alertmanager by hand, as anyone may."""
        body = json.dumps([{"labels": {"alertname": "forged", "cluster": CLUSTER, **labels}}])
        Client(self.alertmanager.url).request(
            "POST", "/api/v2/alerts", body=body, content_type="application/json"
        )


class Bridge(Process):
    """A running railwatch-bridge, on a port that it has chosen itself."""

    client: Client

    def __init__(self, argv: Sequence[str]) -> None:
        address = "--web.listen-address=127.0.0.1:0"
        command = [sys.executable, "-m", "health_bridge", address, *argv]
        super().__init__(command, name="bridge", cwd=ROOT)

    def is_alive(self) -> bool:
        """Whether it has said where it listens, and is well."""
        said = _LISTENING.search(self.log.read_text(encoding="utf-8"))
        if said is None:
            return False
        self.client = Client(said[1])
        return self.client.is_ok("/healthz")

    def get(self, path: str) -> Answer:
        return self.client.request("GET", path)

    def metric(self, series: str) -> float | None:
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(f"{series} "):
                return float(line.rpartition(" ")[2])
        return None

    def await_ready(
        self, ready: Callable[[], bool] | None = None, *, within: float = PATIENCE
    ) -> None:
        super().await_ready(ready or (lambda: self.client.is_ok("/readyz")), within=within)


@contextmanager
def bridge(
    site: Site, group: str, *flags: str, kubeconfig: Path | None = None, sources: bool = True
) -> Iterator[Bridge]:
    """Start a bridge for the nodes of one test, alive; it elects nobody unless asked to.

    It looks often, and is as patient as by default: no stall of a server makes it blind.
    """
    named = (
        [f"--prometheus.url={site.prometheus.url}", f"--alertmanager.url={site.alertmanager.url}"]
        if sources
        else []
    )
    argv = [
        f"--kubeconfig={kubeconfig or site.cluster.kubeconfig_for(USER)}",
        f"--proofs.file={PROOFS}",
        f"--cluster={CLUSTER}",
        f"--node-selector=test={group}",
        "--interval=300ms",
        "--verdict.max=drain",
        "--budget.fleet=100%",
        "--no-leader-elect",
        *named,
        *flags,
    ]
    with Bridge(argv) as process:
        process.await_ready(process.is_alive)
        try:
            yield process
        except BaseException:
            print(process.tail(60))
            raise


@contextmanager
def running_site(interval: str = "300ms", flags: Sequence[str] = (LOOKBACK,)) -> Iterator[Site]:
    """Start all the servers; the bridge has deploy/'s roles and policies, and no other right.

    `flags` are more of Prometheus' own.
    """
    with Exporters() as exporters, Cluster() as cluster, Alertmanager(_ROUTES) as alertmanager:
        for manifest in ("namespace.yaml", "bridge/rbac.yaml", "bridge/admission.yaml"):
            cluster.apply(ROOT / "deploy" / manifest)
        config = yaml.safe_dump(_config(exporters, alertmanager, interval))
        told = [RESEND, *flags]
        with Prometheus(config, rules=[RULES], flags=told) as judge:
            yield Site(cluster, judge, alertmanager, exporters)


_ROUTES = """
route: {receiver: nobody}
receivers: [{name: nobody}]
inhibit_rules:
  - {source_matchers: ['alertname="Inhibitor"'], target_matchers: ['condition!=""'], equal: [node]}
"""


def _config(exporters: Exporters, alertmanager: Alertmanager, interval: str) -> dict[str, Any]:
    target = alertmanager.url.removeprefix("http://")
    return {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "evaluation_interval": interval,
            "external_labels": {"cluster": CLUSTER},
        },
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [target]}]}]},
        "scrape_configs": [
            {
                "job_name": "railwatch-exporter",
                "honor_labels": True,
                "static_configs": [{"targets": [exporters.address]}],
            }
        ],
    }
