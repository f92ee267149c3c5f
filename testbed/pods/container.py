"""A container as a process: a script makes its root filesystem and becomes its program."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from testbed.api import Object
from testbed.namespaces import Namespace
from testbed.pods import image
from testbed.pods.fields import expanded, field_of
from testbed.pods.machine import Machine
from testbed.processes import Process

_DRIVER = "/run/nvidia-library"
_WANTS_GPUS = "NVIDIA_VISIBLE_DEVICES"
_PLAYED = {
    "privileged", "runAsUser", "runAsGroup", "runAsNonRoot", "allowPrivilegeEscalation",
    "readOnlyRootFilesystem", "capabilities", "seccompProfile",
}  # fmt: skip


class Container:
    """One container of a pod on a machine."""

    def __init__(
        self, spec: Object, pod: Object, machine: Machine, volumes: Mapping[str, Path]
    ) -> None:
        """Take what the API server says, and where the pod's volumes are."""
        self._spec = spec
        self._pod = pod
        self._machine = machine
        self._volumes = volumes
        self._security = {**_of_pod(pod), **spec.get("securityContext", {})}
        if unknown := self._security.keys() - _PLAYED:
            raise NotImplementedError(f"securityContext: {', '.join(sorted(unknown))} not played")

    def process(
        self,
        namespace: Namespace,
        variables: Mapping[str, str],
        hosts: Path,
        folder: Path,
        logs: Path,
    ) -> Process:
        """Return the process, which is not started.

        `variables` are the Services', `hosts` becomes /etc/hosts, `folder` is the container's own.
        """
        root = folder / "root"
        root.mkdir(parents=True)
        script = folder / "start.sh"
        lines = [*self._filesystem(str(root), hosts), ["exec", *self._program(root, variables)]]
        script.write_text("".join(f"{shlex.join(line)}\n" for line in lines), encoding="utf-8")
        inside = ["nsenter", f"--net={namespace.path}"]
        inside += ["unshare", "--uts", "--mount", "--propagation=private"]
        name = f"{self._pod['metadata']['name']}-{self._spec['name']}"
        return Process([*inside, "sh", "-eu", str(script)], name=name, log=logs / f"{name}.log")

    def _filesystem(self, root: str, hosts: Path) -> Iterator[list[str]]:
        yield ["hostname", self._host_name]
        yield ["mount", "-t", "tmpfs", "-o", "mode=755", "root", root]
        yield from image.commands(root)
        yield from image.bind(hosts, f"{root}/etc/hosts", read_only=True)
        if self._gets_gpus():
            assert self._machine.driver is not None
            yield from image.bind(self._machine.driver, root + _DRIVER, read_only=True)
        for mount in self._spec.get("volumeMounts", ()):
            if unknown := mount.keys() - {"name", "mountPath", "readOnly"}:
                raise NotImplementedError(f"volumeMounts: {', '.join(sorted(unknown))} not played")
            source = self._volumes[mount["name"]]
            target = f"{root}{mount['mountPath']}"
            yield from image.bind(source, target, read_only=mount.get("readOnly", False))
        yield from image.programs(root)
        if self._security.get("readOnlyRootFilesystem"):
            yield ["mount", "-o", "remount,ro", root]

    def _program(self, root: Path, variables: Mapping[str, str]) -> list[str]:
        """Return the command that changes root and user, and becomes the program."""
        known = self._variables(variables)
        words = [*self._spec["command"], *self._spec.get("args", ())]
        clean = ["env", "-i", *(f"{name}={value}" for name, value in known.items())]
        argv = [expanded(word, known) for word in words]
        return ["chroot", str(root), *self._rights(), *clean, *argv]

    def _variables(self, services: Mapping[str, str]) -> dict[str, str]:
        known = {**image.environment(), "HOSTNAME": self._host_name, **services}
        for variable in self._spec.get("env", ()):
            known[variable["name"]] = (
                field_of(self._pod, self._machine, variable["valueFrom"]["fieldRef"]["fieldPath"])
                if "valueFrom" in variable
                else expanded(variable.get("value", ""), known)
            )
        if self._gets_gpus():
            known |= {"LD_LIBRARY_PATH": _DRIVER, "RAILWATCH_NVML_CONTROL": f"{_DRIVER}/control"}
        return known

    @property
    def _host_name(self) -> str:
        host = self._pod["spec"].get("hostNetwork", False)
        return str(self._machine.name if host else self._pod["metadata"]["name"])

    def _gets_gpus(self) -> bool:
        """Whether NVIDIA's container runtime would add the driver's library."""
        asks = {variable["name"] for variable in self._spec.get("env", ())}
        return self._machine.driver is not None and _WANTS_GPUS in asks

    def _rights(self) -> list[str]:
        """Return the command that gives up what the container shall not have."""
        user, group = image.USER, image.USER
        if "runAsUser" in self._security:  # of whom no image's /etc/passwd knows the group
            user, group = self._security["runAsUser"], self._security.get("runAsGroup", 0)
        if self._security.get("runAsNonRoot") and user == 0:
            raise PermissionError("container has runAsNonRoot and runs as root")
        command = ["setpriv", "--pdeathsig=keep", f"--reuid={user}", f"--regid={group}"]
        command.append("--clear-groups")
        dropped = self._security.get("capabilities", {})
        if dropped == {"drop": ["ALL"]}:
            command += ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
        elif dropped or not self._security.get("privileged"):
            raise NotImplementedError(f"capabilities {dropped} of a container are not played")
        if not self._security.get("allowPrivilegeEscalation", True):
            command.append("--no-new-privs")
        return command


def _of_pod(pod: Object) -> Object:
    """Return what a pod's own security context says for its containers."""
    found: Object = pod["spec"].get("securityContext", {})
    return found
