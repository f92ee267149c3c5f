"""What a facility needs beyond an ordinary process, how to tell that it lacks, and what gives it.

The one source of `--check`, of the table in docs/exporter.md, and of what tests hold the DaemonSet
in deploy/exporter to. Each is looked at without waiting for hardware.
"""

import errno
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporters.gpu.pci import Bus
from exporters.settings import Settings

SYSFS, LIBRARY, KMSG, KUBELET, NAMES, HOST_PID, STATE, LLDP, NET_ADMIN, UMAD = (
    *("sysfs", "driver library", "kernel log", "kubelet socket", "pods' names"),
    *("processes of the node", "state", "LLDP frames", "CAP_NET_ADMIN", "fabric MADs"),
)

_INITIAL_PID_NAMESPACE = "pid:[4026531836]"
"""PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h: fixed, part of its interface."""

_CAP_NET_ADMIN, _CAP_NET_RAW = 12, 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something a facility needs.

    `lacking` returns why it is not there, or nothing; `gives` the lines of a DaemonSet's pod that
    give it, which tests find in deploy/exporter/daemonset.yaml.
    """

    name: str
    facilities: tuple[str, ...]
    """Keys of facilities, or names of families."""
    privilege: str
    lacking: Callable[[Settings], str]
    gives: str
    least: bool = False
    """Whether the profile with the least privilege gives it too."""


def _sysfs(settings: Settings) -> str:
    return "" if Path(settings.sysfs, "class").is_dir() else f"no {settings.sysfs}/class"


def _library(settings: Settings) -> str:
    """Whether there is an NVIDIA GPU, and no driver that this container was given."""
    if not Bus(settings.sysfs).scan() or Path(settings.nvml_library).is_file():
        return ""
    return "" if _found(settings.nvml_library) else f"no {settings.nvml_library}"


def _found(library: str) -> bool:
    """Whether the loader's cache names a library; it is not loaded, which might hang."""
    try:
        return f"\0{library}\0".encode() in Path("/etc/ld.so.cache").read_bytes()
    except OSError:
        return False


def _kmsg(settings: Settings) -> str:
    return _openable(settings.kmsg)


def _openable(path: str) -> str:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""


def _kubelet(settings: Settings) -> str:
    path = Path(settings.kubelet_socket_dir, "kubelet.sock")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError as error:
            return f"{path}: {error.strerror or error}"
    return ""


def _names(settings: Settings) -> str:
    folder = Path(settings.pod_logs, "pods")
    return "" if os.access(folder, os.R_OK | os.X_OK) else f"{folder}: cannot be listed"


def _host_pid(_settings: Settings) -> str:
    if pid_namespace() == _INITIAL_PID_NAMESPACE:
        return ""
    return "not in the node's PID namespace: NVML hides its processes"


def pid_namespace() -> str:
    """Return the PID namespace that this process is in."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _state(settings: Settings) -> str:
    """Whether what was asked to be kept cannot be; without --path.state nothing is."""
    if not settings.state or os.access(settings.state, os.W_OK):
        return ""
    return f"{settings.state}: cannot be written"


def _lldp(settings: Settings) -> str:
    return _capability(_CAP_NET_RAW, "CAP_NET_RAW") if settings.lldp_listen else ""


def _net_admin(_settings: Settings) -> str:
    return _capability(_CAP_NET_ADMIN, "CAP_NET_ADMIN")


def _capability(number: int, name: str) -> str:
    return "" if _capabilities() >> number & 1 else f"no {name}"


def _capabilities() -> int:
    """Return the bits of the effective capabilities."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(told["CapEff"], 16)


def _umad(_settings: Settings) -> str:
    if not any(Path("/dev/infiniband").glob("umad*")):
        return f"/dev/infiniband/umad*: {os.strerror(errno.ENOENT)}"
    return ""


def _mount(name: str, path: str, at: str = "", *, kind: str, read_only: bool = True) -> str:
    return (
        "containers:\n- volumeMounts:\n"
        f"  - name: {name}\n    mountPath: {at or path}\n"
        + ("    readOnly: true\n" if read_only else "")
        + f"volumes:\n- name: {name}\n  hostPath:\n    path: {path}\n    type: {kind}\n"
    )


NEEDS: tuple[Need, ...] = (
    Need(
        name=SYSFS,
        facilities=("rdma", "rdma_ethtool", "topology", "gpu.state"),
        privilege="the node's /sys, to read",
        lacking=_sysfs,
        gives=_mount("sys", "/sys", "/host/sys", kind="Directory"),
        least=True,
    ),
    Need(
        name=LIBRARY,
        facilities=("gpu",),
        privilege="NVIDIA's container runtime, which adds its library and the GPUs' device nodes",
        lacking=_library,
        gives=(
            "containers:\n- env:\n"
            "  - name: NVIDIA_VISIBLE_DEVICES\n    value: all\n"
            "  - name: NVIDIA_DRIVER_CAPABILITIES\n    value: utility\n"
        ),
        least=True,
    ),
    Need(
        name=KMSG,
        facilities=("node.kernel_log",),
        privilege="/dev/kmsg: the device and CAP_SYSLOG; without it Xids count by NVML's events",
        lacking=_kmsg,
        gives=(
            "containers:\n- securityContext:\n    privileged: true\n  volumeMounts:\n"
            "  - name: kmsg\n    mountPath: /dev/kmsg\n    readOnly: true\n"
            "volumes:\n- name: kmsg\n  hostPath:\n    path: /dev/kmsg\n    type: CharDevice\n"
        ),
    ),
    Need(
        name=KUBELET,
        facilities=("allocation.pods",),
        privilege="the directory of the kubelet's pod-resources socket; root",
        lacking=_kubelet,
        gives=_mount("pod-resources", "/var/lib/kubelet/pod-resources", kind="DirectoryOrCreate"),
    ),
    Need(
        name=NAMES,
        facilities=("allocation.names", "gpu.users"),
        privilege="the names of the directories in /var/log/pods",
        lacking=_names,
        gives=_mount("pod-logs", "/var/log/pods", kind="DirectoryOrCreate"),
    ),
    Need(
        name=HOST_PID,
        facilities=("gpu.users", "gpu.process_memory"),
        privilege="hostPID, and the node's /proc to read",
        lacking=_host_pid,
        gives="hostPID: true\n" + _mount("proc", "/proc", "/host/proc", kind="Directory"),
    ),
    Need(
        name=NET_ADMIN,
        facilities=(
            "rdma_ethtool.modules",
            "rdma_ethtool.modules_detail",
            "rdma_netlink.resources",
        ),
        privilege="CAP_NET_ADMIN in the node's network namespace",
        lacking=_net_admin,
        gives="hostNetwork: true\ncontainers:\n- securityContext:\n    privileged: true\n",
    ),
    Need(
        name=LLDP,
        facilities=("topology.neighbors",),
        privilege="CAP_NET_RAW in the node's network namespace, with --lldp.listen",
        lacking=_lldp,
        gives="hostNetwork: true\ncontainers:\n- securityContext:\n    privileged: true\n",
    ),
    Need(
        name=UMAD,
        facilities=("fabric",),
        privilege="/dev/infiniband/umad*; one instance a fabric",
        lacking=_umad,
        gives="containers:\n- securityContext:\n    privileged: true\n",
    ),
    Need(
        name=STATE,
        facilities=("gpu.state", "rdma.inventory"),
        privilege="a directory of its own on the node, for --path.state",
        lacking=_state,
        gives=_mount("state", "/var/lib/railwatch", kind="DirectoryOrCreate", read_only=False),
    ),
)


def table() -> str:
    """Return what each facility needs, as docs/exporter.md has it."""
    lines = ["| need | facilities | privilege | least |", "|---|---|---|---|"]
    for need in NEEDS:
        names = ", ".join(f"`{name}`" for name in need.facilities)
        least = "yes" if need.least else "no"
        lines.append(f"| {need.name} | {names} | {need.privilege} | {least} |")
    return "\n".join(lines) + "\n"


def lacking(
    settings: Settings, needs: tuple[Need, ...] = NEEDS
) -> Mapping[str, tuple[tuple[Need, str], ...]]:
    """Return, by key of each facility that is read, what it lacks and why."""
    reasons = {need: need.lacking(settings) for need in needs if _concerns(need, settings)}
    return {
        key: tuple((n, why) for n, why in reasons.items() if why and _of(n, key))
        for key in sorted(settings.facilities)
    }


def _concerns(need: Need, settings: Settings) -> bool:
    return any(_of(need, key) for key in settings.facilities)


def _of(need: Need, key: str) -> bool:
    return key in need.facilities or key.partition(".")[0] in need.facilities
