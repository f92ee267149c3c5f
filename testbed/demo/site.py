"""Everything the demo stands on: hosts, the real servers, and railwatch's own programs."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from catalog.faults import GPU_FELL_OFF_BUS, Fault
from program.errors import ProgramError
from testbed.demo.hosts import GPUS, Host
from testbed.demo.view import SCHEDULER, View
from testbed.ports import free_port
from testbed.processes import Process
from testbed.servers import Alertmanager, Cluster, Prometheus, Scheduler

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "demo"
TOOLS = (
    "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok",
    "prometheus", "alertmanager",
)  # fmt: skip
HOSTS = tuple(f"gpu-{i}" for i in range(6))
BRIDGE_USER = "system:serviceaccount:railwatch:railwatch-bridge"
SCHEDULER_USER = "system:serviceaccount:railwatch:railwatch-scheduler"
CLUSTER = "demo"
"""Its name: Prometheus sends it with each alert, and the bridge acts on no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The running whole."""

    hosts: dict[str, Host]
    cluster: Cluster
    view: View
    prometheus: Prometheus
    alertmanager: Alertmanager
    urls: dict[str, str]


@contextmanager
def site(names: Sequence[str] = HOSTS, fault: Fault = GPU_FELL_OFF_BUS) -> Iterator[Site]:
    """Build everything, in parallel where it can be, and take it down again.

    `fault` is the one whose `for` and soak are short enough to watch; the others keep theirs.
    """
    with ExitStack() as stack:
        stack.enter_context(alone())
        shutil.rmtree(BUILD, ignore_errors=True)
        BUILD.mkdir(parents=True)
        hosts = {name: Host(name, stack, BUILD) for name in names}
        bridge_port = free_port()
        with ThreadPoolExecutor() as pool:
            cluster_ready = pool.submit(_cluster, stack, hosts)
            targets = {host.name: f"127.0.0.1:{host.port}" for host in hosts.values()}
            render(BUILD, targets, f"127.0.0.1:{bridge_port}", fault)
            for host in hosts.values():
                host.start_exporter()
            alertmanager, prometheus = judges(stack, BUILD)
            cluster = cluster_ready.result()
        _start_bridge(stack, cluster, prometheus, alertmanager, bridge_port)
        scheduler_port = _start_scheduler(stack, cluster)
        yield Site(
            hosts=hosts,
            cluster=cluster,
            view=View(cluster.api),
            prometheus=prometheus,
            alertmanager=alertmanager,
            urls={
                "Prometheus": prometheus.url,
                "Alertmanager": alertmanager.url,
                "kube-apiserver": f"{cluster.url}  (KUBECONFIG={cluster.kubeconfig})",
                "bridge": f"http://127.0.0.1:{bridge_port}/metrics",
                "scheduler": f"http://127.0.0.1:{scheduler_port}/metrics",
            }
            | {f"exporter {host.name}": host.url for host in hosts.values()},
        )


@contextmanager
def alone() -> Iterator[None]:
    """Keep a second demo of this checkout from clearing the folder under the first."""
    BUILD.parent.mkdir(exist_ok=True)
    with BUILD.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ProgramError(f"{BUILD} is in use: another demo of this checkout runs") from None
        yield


def _cluster(stack: ExitStack, hosts: dict[str, Host]) -> Cluster:
    cluster = stack.enter_context(Cluster(kwok=True, controller_manager=True, logs=BUILD))
    for manifest in ("namespace.yaml", "bridge/rbac.yaml", "scheduler/rbac.yaml"):
        cluster.apply(ROOT / "deploy" / manifest)
    cluster.add_nodes(list(hosts), gpus=GPUS)
    for host in hosts.values():
        cluster.set_boot_id(host.name, host.boot_id)
    return cluster


def render(folder: Path, exporters: Mapping[str, str], bridge: str, fault: Fault) -> None:
    """Run the product's own renderer with the demo's settings, into `render` of a folder.

    `exporters` are addresses by node, `bridge` is one too.
    """
    targets = [
        {"targets": [address], "labels": {"node": node}} for node, address in exporters.items()
    ]
    (folder / "targets.yaml").write_text(yaml.safe_dump(targets), encoding="utf-8")
    settings = (Path(__file__).parent / "render.toml").read_text(encoding="utf-8")
    settings = settings.replace("@TARGETS@", str(folder / "targets.yaml"))
    settings = settings.replace("@BRIDGE@", f"http://{bridge}")
    settings = settings.replace("@FAULT@", fault.name)
    (folder / "render.toml").write_text(settings, encoding="utf-8")
    argv = [sys.executable, "-m", "render", "--config", str(folder / "render.toml")]
    argv.append(str(folder / "render"))
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise ProgramError(f"rendering failed: {done.stderr}")


def judges(stack: ExitStack, folder: Path) -> tuple[Alertmanager, Prometheus]:
    """Start Alertmanager and Prometheus with what was rendered into a folder."""
    routes = (folder / "render" / "alertmanager" / "alertmanager.yaml").read_text("utf-8")
    alertmanager = stack.enter_context(Alertmanager(routes, logs=folder))
    config = _prometheus_config(folder / "render" / "prometheus", alertmanager.url)
    return alertmanager, stack.enter_context(Prometheus(config, logs=folder))


def _prometheus_config(rendered: Path, alertmanager_url: str) -> str:
    document: dict[str, Any] = {
        "global": {
            "scrape_interval": "5s",
            "evaluation_interval": "2s",
            "external_labels": {"cluster": CLUSTER},
        },
        "rule_files": [str(rendered / "rules" / view / "*.yaml") for view in ("shard", "global")],
        "scrape_config_files": [str(rendered / "scrape.yaml")],
        "alerting": {
            "alertmanagers": [
                {"static_configs": [{"targets": [alertmanager_url.removeprefix("http://")]}]}
            ]
        },
    }
    return yaml.safe_dump(document)


def _start_bridge(
    stack: ExitStack,
    cluster: Cluster,
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    port: int,
) -> None:
    argv = [
        *(sys.executable, "-m", "health_bridge", f"--web.listen-address=127.0.0.1:{port}"),
        f"--kubeconfig={cluster.kubeconfig_for(BRIDGE_USER)}",
        f"--alertmanager.url={alertmanager.url}",
        f"--prometheus.url={prometheus.url}",
        f"--proofs.file={BUILD / 'render' / 'bridge' / 'proofs.yaml'}",
        f"--cluster={CLUSTER}",
        "--interval=1s",
        "--blind-grace=10s",
        "--verdict.max=drain",
    ]
    stack.enter_context(Process(argv, name="bridge", log=BUILD / "bridge.log"))


def _start_scheduler(stack: ExitStack, cluster: Cluster) -> int:
    """Start the extender with the drainer, and the stock kube-scheduler that asks it."""
    port = free_port()
    argv = [
        *(sys.executable, "-m", "scheduler_feedback", f"--web.listen-address=127.0.0.1:{port}"),
        f"--kubeconfig={cluster.kubeconfig_for(SCHEDULER_USER)}",
        "--drain",
        "--drain.interval=1s",
    ]
    stack.enter_context(Process(argv, name="scheduler", log=BUILD / "scheduler.log"))
    settings = ROOT / "deploy" / "scheduler" / "kube-scheduler-config.yaml"
    document = yaml.safe_load(settings.read_text(encoding="utf-8"))
    document["extenders"][0]["urlPrefix"] = f"http://127.0.0.1:{port}"
    assert document["profiles"][0]["schedulerName"] == SCHEDULER
    config = yaml.safe_dump(document)
    stack.enter_context(Scheduler(cluster.apiserver, config=config, logs=BUILD))
    return port
