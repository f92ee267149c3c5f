"""The kubelets of simulated hosts, for the pods of some namespaces."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from types import TracebackType
from typing import Self

from testbed.api import Api, ApiError, Object
from testbed.directories import private_directory
from testbed.pods.container import Container
from testbed.pods.machine import Machine
from testbed.pods.network import Interface, Network
from testbed.pods.probes import PROBES, succeeds
from testbed.pods.services import Services
from testbed.pods.volumes import Volumes
from testbed.processes import Process
from testbed.servers import Cluster

_NOT_FOUND = 404
_RESTARTS = 10
"""Of one container: a machine that stalls makes a leader lose its Lease, and end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A pod whose containers were started."""

    pod: Object
    machine: Machine
    interface: Interface
    processes: Mapping[str, Process]
    """By the container's name."""
    probed: set[tuple[str, str]] = field(default_factory=set)
    """Containers and their probes that have succeeded."""
    restarts: Counter[str] = field(default_factory=Counter)
    """By container."""

    @property
    def app(self) -> str:
        """What the pod is called by its label."""
        return str(self.pod["metadata"]["labels"].get("app.kubernetes.io/name", ""))


class Kubelet:
    """Starts what the API server says shall run on its machines, whenever `sync` is called."""

    def __init__(
        self,
        cluster: Cluster,
        network: Network,
        machines: Iterable[Machine],
        *,
        namespaces: Sequence[str],
        logs: Path,
    ) -> None:
        """Prepare; the containers' logs stay in `logs`, as POD-CONTAINER.log."""
        self._api: Api = cluster.api
        self._network = network
        self._machines = {machine.name: machine for machine in machines}
        self._namespaces = namespaces
        self._logs = logs
        self._stack = ExitStack()
        self._folder = Path()
        self.services = Services(cluster.apiserver, network)
        self.pods: dict[str, Running] = {}
        """By uid."""
        self.codes: list[tuple[str, int | None]] = []
        """Of containers that were told to end; minus the signal where it took one."""

    def __enter__(self) -> Self:
        self._folder = self._stack.enter_context(private_directory("pods"))
        self._stack.callback(self._kill)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def sync(self) -> None:
        """Start and end containers, ask probes, tell the API server.

        ProcessError where a container ends again and again that should run on.
        """
        for namespace in self._namespaces:
            for pod in self._api.items(f"/api/v1/namespaces/{namespace}/pods"):
                self._see(pod)

    def process(self, app: str, node: str) -> Process:
        """Return the process of the one container that a program has on a node."""
        (found,) = (
            process
            for pod in self.pods.values()
            if pod.app == app and pod.machine.name == node
            for process in pod.processes.values()
        )
        return found

    def _see(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" in pod["metadata"]:
            self._end(pod)
        elif uid in self.pods:
            self._look(self.pods[uid])
        elif pod["spec"].get("nodeName") in self._machines and _is_new(pod):
            self._start(pod)

    def _start(self, pod: Object) -> None:
        """Start a pod's containers; one whose volumes are not there yet is tried again."""
        machine = self._machines[pod["spec"]["nodeName"]]
        folder = self._folder / pod["metadata"]["uid"]
        folder.mkdir(exist_ok=True)
        try:
            volumes = Volumes(self._api, pod, machine, folder).make()
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            return
        host = pod["spec"].get("hostNetwork", False)
        interface = machine.interface if host else self._network.join()
        started = self._processes(pod, machine, interface, volumes)
        running = Running(pod=pod, machine=machine, interface=interface, processes=started)
        self.pods[pod["metadata"]["uid"]] = running
        for process in started.values():
            process.start()
        self._tell(running, "Running", ready=False)

    def _processes(
        self, pod: Object, machine: Machine, interface: Interface, volumes: Mapping[str, Path]
    ) -> dict[str, Process]:
        if "initContainers" in pod["spec"]:
            raise NotImplementedError("initContainers are not played")
        folder = self._folder / pod["metadata"]["uid"]
        hosts = folder / "hosts"
        known = {"localhost": "127.0.0.1", **self._network.names}
        hosts.write_text("".join(f"{address} {name}\n" for name, address in known.items()))
        variables = self.services.variables(pod["metadata"]["namespace"])
        return {
            spec["name"]: Container(spec, pod, machine, volumes).process(
                interface.namespace,
                variables,
                hosts,
                folder / f"container-{spec['name']}",
                self._logs,
            )
            for spec in pod["spec"]["containers"]
        }

    def _look(self, running: Running) -> None:
        """Ask the probes that have not succeeded yet; take care of containers that ended."""
        over = {name for name, process in running.processes.items() if not process.running}
        if running.pod["spec"]["restartPolicy"] == "Always":
            for name in over:
                self._restart(running, name)
        elif over == running.processes.keys():
            codes = [process.stop() for process in running.processes.values()]
            self._tell(running, "Failed" if any(codes) else "Succeeded", ready=False)
            del self.pods[running.pod["metadata"]["uid"]]
            return
        self._ask(running)

    def _restart(self, running: Running, name: str) -> None:
        """Start a container again: a kube-scheduler that loses its Lease ends, too."""
        process = running.processes[name]
        running.restarts[name] += 1
        if running.restarts[name] > _RESTARTS:
            raise process.failure("ends again and again")
        process.stop()
        process.start()
        running.probed.difference_update((name, probe) for probe in PROBES)
        self._tell(running, "Running", ready=False)

    def _ask(self, running: Running) -> None:
        """Ask the probes that have not succeeded yet; the pod is ready once all have."""
        if not (asked := _probes(running) - running.probed):
            return
        containers = {each["name"]: each for each in running.pod["spec"]["containers"]}
        for name, probe in asked:
            spec = containers[name]
            if succeeds(self._network, running.interface.address, spec, spec[probe]):
                running.probed.add((name, probe))
        if asked <= running.probed:
            self._tell(running, "Running", ready=True)

    def _tell(self, running: Running, phase: str, *, ready: bool) -> None:
        """Write the pod's status."""
        stand = "True" if ready else "False"
        kinds = {"Initialized": "True", "ContainersReady": stand, "Ready": stand}
        address = running.interface.address
        status = {
            "phase": phase,
            "conditions": [{"type": kind, "status": said} for kind, said in kinds.items()],
            "hostIP": running.machine.interface.address,
            "podIP": address,
            "podIPs": [{"ip": address}],
        }
        self._api.merge_by_key(f"{self._path(running.pod)}/status", {"status": status})

    def _end(self, pod: Object) -> None:
        """End a pod that is being deleted as its containers end, and then let it go."""
        running = self.pods.pop(pod["metadata"]["uid"], None)
        if running is not None:
            for process in running.processes.values():
                process.signal(SIGTERM)
            for name, process in running.processes.items():
                code = process.stop(pod["spec"]["terminationGracePeriodSeconds"])
                self.codes.append((name, code))
        self._api.delete(f"{self._path(pod)}?gracePeriodSeconds=0")

    def _kill(self) -> None:
        for running in self.pods.values():
            for process in running.processes.values():
                process.kill()

    def _path(self, pod: Object) -> str:
        metadata = pod["metadata"]
        return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"


def _is_new(pod: Object) -> bool:
    return bool(pod["status"].get("phase", "Pending") == "Pending")


def _probes(running: Running) -> set[tuple[str, str]]:
    return {
        (container["name"], probe)
        for container in running.pod["spec"]["containers"]
        for probe in PROBES
        if probe in container
    }
