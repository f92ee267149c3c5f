"""Simulated hosts with real servers, and what can be done with railwatch installed on them."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.conditions import GPU_UNAVAILABLE
from catalog.exporter import COLLECTOR_STATE
from catalog.faults import GPU_FELL_OFF_BUS
from catalog.wire import GANG_SIZE, OWNED, PREFIX, key
from testbed.api import Object
from testbed.demo.hosts import GPUS, Host
from testbed.demo.site import Site, judges, render
from testbed.demo.view import View
from testbed.kubelet import SimulatedKubelet
from testbed.pods import Kubelet, Machine, Network
from testbed.servers import Cluster
from testbed.waiting import wait_until

NAMESPACE = "railwatch"
HOSTS = ("gpu-0", "gpu-1", "gpu-2")
PODS = {"railwatch-exporter": 3, "railwatch-bridge": 2, "railwatch-scheduler": 2}
"""How many of each are there once all is installed."""
PROGRAMS = ("railwatch-bridge", "railwatch-scheduler")
"""Those that write to nodes and pods."""
APP = "train"
"""The workload."""
LONG = 240.0
"""Seconds for a hop of the loop, of which each is several programs' work on a busy machine."""
TTL = "node.alpha.kubernetes.io/ttl"
"""A controller writes it on each node."""
MADE_FOR_EACH = {"serviceaccounts": "default", "configmaps": "kube-root-ca.crt"}
"""What controllers make in every namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Hosts, servers and kubelets, on which nothing of ours is installed yet."""

    site: Site
    kubelet: Kubelet
    folder: Path

    def settle(self, pods: dict[str, int]) -> None:
        """Wait until so many pods of each program are ready and no other is there."""

        def settled() -> bool:
            self.kubelet.sync()
            return self.ready() == pods

        wait_until(settled, within=LONG, what=f"pods of {pods} are ready", every=0.3)

    def ready(self) -> dict[str, int]:
        """Return how many pods of each program there are; nothing where one is not ready."""
        pods = self.site.cluster.api.items(f"/api/v1/namespaces/{NAMESPACE}/pods")
        names = (pod["metadata"]["labels"].get("app.kubernetes.io/name", "") for pod in pods)
        return Counter(names) if all(map(is_ready, pods)) else {}

    def see(self, look: Callable[[], str | None]) -> str:
        """Wait for a hop of the loop, while the kubelets do their work."""

        def looked() -> str | None:
            self.kubelet.sync()
            return look()

        return wait_until(looked, within=LONG, what="the next hop", every=0.3)

    def unread(self) -> set[tuple[str, str]]:
        """Return what exporters were to read and could not, by family and facility."""
        series = [
            found
            for state in ("failed", "hung")
            for found in self.site.prometheus.query(
                f'{COLLECTOR_STATE.name}{{state="{state}"}} == 1'
            )
        ]
        return {(each["metric"]["family"], each["metric"]["facility"]) for each in series}

    def reading(self, family: str, facility: str) -> int:
        """Return how many exporters read a facility."""
        labels = f'family="{family}",facility="{facility}",state="ok"'
        return len(self.site.prometheus.query(f"{COLLECTOR_STATE.name}{{{labels}}} == 1"))

    def probed(self) -> set[tuple[str, str]]:
        """Return the containers and their probes that have succeeded in every pod that is there."""
        return set.union(*(pod.probed for pod in self.kubelet.pods.values()))

    def refusals(self) -> list[str]:
        """Return the lines of our pods' logs that tell of a right that they lack."""
        logs = self.folder.glob("railwatch-*.log")
        lines = [line for log in logs for line in log.read_text("utf-8", "replace").splitlines()]
        return [line for line in lines if re.search("forbidden|denied", line, re.IGNORECASE)]

    def replace(self, program: str, by: Object) -> None:
        """Put another workload of the same name in the place of a program's."""
        api = self.site.cluster.api
        api.delete(f"{api.path(by)}?propagationPolicy=Background")
        self.settle({name: count for name, count in PODS.items() if name != program})
        api.apply([by])
        self.settle(PODS)

    def stop(self) -> None:
        """Scale the programs that write to nothing, as docs/install.md says."""
        for program in PROGRAMS:
            path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{program}"
            self.site.cluster.api.merge(path, {"spec": {"replicas": 0}})
        self.settle({"railwatch-exporter": PODS["railwatch-exporter"]})

    def release(self) -> list[str]:
        """Run `release --all` in pods like the programs' own, and return what each said."""
        api = self.site.cluster.api
        pods = [api.path(api.create(self._like(program))) for program in PROGRAMS]

        def ended() -> list[str]:
            self.kubelet.sync()
            phases = [str(api.get(pod)["status"]["phase"]) for pod in pods]
            return phases if {*phases} <= {"Succeeded", "Failed"} else []

        phases = wait_until(ended, within=LONG, what="all is released", every=0.3)
        logs = [next(self.folder.glob(f"{program}-release-*.log")) for program in PROGRAMS]
        told = [log.read_text(encoding="utf-8") for log in logs]
        assert {*phases} == {"Succeeded"}, told
        for pod in pods:
            api.delete(pod)
        return told

    def _like(self, program: str) -> Object:
        """Return a pod of a program that releases and ends."""
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{program}"
        spec = self.site.cluster.api.get(path)["spec"]["template"]["spec"]
        container = {**spec["containers"][0], "args": ["release", "--all"]}
        name = f"{program}-release"
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
            "spec": {**spec, "containers": [container], "restartPolicy": "Never"},
        }

    def forget(self) -> None:
        """Delete the namespace and the workload, and wait until they are gone."""
        api = self.site.cluster.api
        namespace = f"/api/v1/namespaces/{NAMESPACE}"
        api.delete(namespace)
        api.delete(f"/apis/batch/v1/namespaces/default/jobs/{APP}?propagationPolicy=Background")

        def gone() -> bool:
            self.kubelet.sync()
            there = api.items("/api/v1/namespaces")
            return not ({NAMESPACE} & {each["metadata"]["name"] for each in there}) and not (
                self.site.view.pods(APP)
            )

        wait_until(gone, within=LONG, what="namespace and workload are gone", every=0.3)


def marked(node: Object) -> bool:
    """Whether a node shows that the bridge and the publisher were there."""
    written = {name for name in node["annotations"] if name.startswith(PREFIX)}
    return written >= {key(OWNED)} and GPU_UNAVAILABLE.type in node["conditions"]


def left_on_pods(site: Site) -> set[str]:
    """Return the annotations and gates of ours that the workload did not bring itself."""
    brought = {key(GANG_SIZE)}
    pods = site.cluster.api.items("/api/v1/namespaces/default/pods")
    notes = {note for pod in pods for note in pod["metadata"].get("annotations", {})}
    gates = {gate["name"] for pod in pods for gate in pod["spec"].get("schedulingGates", ())}
    return {name for name in notes - brought | gates if name.startswith(PREFIX)}


def nodes(site: Site) -> dict[str, Object]:
    """Return what could be ours of each node."""
    found = {name: site.cluster.node(name) for name in site.hosts}
    return {
        name: {
            "labels": node["metadata"].get("labels", {}),
            "annotations": node["metadata"].get("annotations", {}),
            "taints": node["spec"].get("taints", []),
            "conditions": sorted(each["type"] for each in node["status"]["conditions"]),
        }
        for name, node in found.items()
    }


def is_ready(pod: Object) -> bool:
    kept = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in kept)


@contextmanager
def ready_for_installation(folder: Path) -> Iterator[Installation]:
    """Start hosts and servers; all logs stay in the folder, and the rendered tree."""
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        hosts = {name: Host(name, stack, folder) for name in HOSTS}
        machines = [machine(host, network, folder, stack) for host in hosts.values()]
        cluster = stack.enter_context(
            Cluster(
                kwok=True,
                controller_manager=True,
                scheduler=True,
                played=[NAMESPACE],
                logs=folder,
            )
        )
        kubelet = stack.enter_context(
            Kubelet(cluster, network, machines, namespaces=[NAMESPACE], logs=folder)
        )
        bridge = network.local(
            lambda: kubelet.services.dial(NAMESPACE, "railwatch-bridge", "metrics")
        )
        exporters = {each.name: scraped(network, each) for each in machines}
        render(folder, exporters, bridge, GPU_FELL_OFF_BUS)
        alertmanager, prometheus = judges(stack, folder)
        network.outside("alertmanager-operated.monitoring", 9093, alertmanager.port)
        network.outside("prometheus-operated.monitoring", 9090, prometheus.port)
        register(cluster, hosts, machines)
        site = Site(
            hosts=hosts,
            cluster=cluster,
            view=View(cluster.api),
            prometheus=prometheus,
            alertmanager=alertmanager,
            urls={},
        )
        yield Installation(site=site, kubelet=kubelet, folder=folder)


def machine(host: Host, network: Network, folder: Path, stack: ExitStack) -> Machine:
    """Return a host as what its pods see of it."""
    disk = folder / host.name
    devices = stack.enter_context(SimulatedKubelet(disk / "pod-resources"))
    host.nvml.library.parent.chmod(0o755)  # of whom the exporter runs as
    return Machine(
        name=host.name,
        interface=network.join(),
        directory=disk,
        paths={
            "/sys": host.sysfs.path,
            "/proc": host.sysfs.proc,
            "/dev/kmsg": host.nvml.kernel_log.path,
            "/var/lib/kubelet/pod-resources": devices.directory,
        },
        driver=host.nvml.library.parent,
    )


def scraped(network: Network, of: Machine) -> str:
    """Return where Prometheus finds a machine's exporter."""
    return network.local(lambda: network.dial(of.interface.address, 9410))


def register(cluster: Cluster, hosts: dict[str, Host], machines: list[Machine]) -> None:
    """Make the nodes, with their own addresses and boots."""
    cluster.add_nodes(list(hosts), gpus=GPUS)
    for each in machines:
        address = {"type": "InternalIP", "address": each.interface.address}
        path = f"/api/v1/nodes/{each.name}/status"
        cluster.api.merge(path, {"status": {"addresses": [address]}})
        cluster.set_boot_id(each.name, hosts[each.name].boot_id)
    wait_until(lambda: begun(cluster), what="what controllers make of namespaces and nodes")


def begun(cluster: Cluster) -> bool:
    """Whether all is there that the cluster makes by itself, each part in its own time."""
    api = cluster.api
    spaces = {each["metadata"]["name"] for each in api.items("/api/v1/namespaces")}
    for kind, name in MADE_FOR_EACH.items():
        made = [each["metadata"] for each in api.items(f"/api/v1/{kind}")]
        if spaces - {each["namespace"] for each in made if each["name"] == name}:
            return False
    items = api.items("/api/v1/nodes")
    leases = api.items("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")
    leased = {each["metadata"]["name"] for each in leases}
    return all(
        node["metadata"]["name"] in leased and TTL in node["metadata"]["annotations"]
        for node in items
    )
