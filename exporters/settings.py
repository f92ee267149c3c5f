"""The exporter's settings, each one flag."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

from catalog.compat import COMPAT
from exporters.registry import FAMILIES, UPLINK
from program.errors import UsageError
from program.flags import add_flags, at_least, build, count, duration, flag

SHORTEST_INTERVAL = 0.1
OWN_PATHS = ("/", "/healthz", "/readyz", "/topology", "/fabric")


def _exporters(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(filter(None, (name.strip() for name in text.split(",")))))
    if unknown := [name for name in names if name not in COMPAT]:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(COMPAT)}")
    return names


def _mad_rate(text: str) -> float:
    rate = float(text)
    if not 10 <= rate <= 1e6:  # noqa: PLR2004 - beyond these no fabric is read, or none is spared
        raise ValueError(f"{text} is not a rate from 10 to 1000000")
    return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line says. Which facilities are read has a flag each, by the registry."""

    sysfs: str = flag("path.sysfs", default="/sys", metavar="DIR", help="where sysfs is mounted")
    procfs: str = flag(
        "path.procfs", default="/proc", metavar="DIR", help="where procfs is mounted"
    )
    kmsg: str = flag(
        "path.kmsg", default="/dev/kmsg", metavar="FILE", help="the kernel's log, or a copy of it"
    )
    nvml_library: str = flag(
        "nvml.library",
        default="libnvidia-ml.so.1",
        metavar="FILE",
        help="NVIDIA's management library: a path, or a name for the loader to find",
    )
    state: str = flag(
        "path.state",
        default="",
        metavar="DIR",
        help="where to keep who was there, over restarts; without it nothing is kept",
    )
    inventory_file: str = flag(
        "inventory.file",
        default="",
        metavar="FILE",
        help="YAML or TOML: which GPUs and ports the node should have, by host name or product",
    )
    inventory_node: str = flag(
        "inventory.node",
        default="",
        metavar="NODE",
        help="read the annotation railwatch.io/expected of this node from the cluster",
    )
    hold_file: str = flag(
        "hold-file",
        default="",
        metavar="FILE",
        help="while it is there, no GPU is read and no handle is open",
    )
    driver_ready_file: str = flag(
        "driver-ready-file",
        default="",
        metavar="FILE",
        help="while it is not there, no GPU is read: gpu-operator's "
        "/run/nvidia/validations/driver-ready",
    )
    exit_on_driver_mismatch: bool = flag(
        "exit-on-driver-mismatch",
        default=False,
        help="end, once a boot, where NVML does not fit the driver; needs --path.state",
    )
    kubelet_socket_dir: str = flag(
        "kubelet.socket-dir",
        default="/var/lib/kubelet/pod-resources",
        metavar="DIR",
        help="where the kubelet's pod-resources socket is",
    )
    pod_logs: str = flag(
        "path.pod-logs",
        default="/var/log",
        metavar="DIR",
        help="where the kubelet's directories pods and containers are, for the names in them",
    )
    hpc_job_mapping_dir: str = flag(
        "hpc-job-mapping-dir",
        default="",
        metavar="DIR",
        help="where a batch system writes which job uses which GPU, as for dcgm-exporter",
    )
    lldp_file: str = flag(
        "lldp.file",
        default="",
        metavar="FILE",
        help="LLDP neighbours as `lldpcli -f json0 show neighbors` (or -f json) prints them",
    )
    lldp_listen: bool = flag(
        "lldp.listen",
        default=False,
        help="hear LLDP frames; needs CAP_NET_RAW and the host's network",
    )
    lldp_silence: float = duration(
        "lldp.silence", default=300.0, help="how long a link without LLDP frames is no wonder"
    )
    topology_roles_file: str = flag(
        "topology.roles-file",
        default="",
        metavar="FILE",
        help="YAML: roles of NICs, and the leaf of each rail, where they cannot be told",
    )
    fabric_interval: float = flag(
        "fabric.interval",
        default=60.0,
        metavar="DURATION",
        parse=at_least(5.0),
        help="how often the fabric is discovered",
    )
    fabric_timeout: float = flag(
        "fabric.timeout",
        default=20.0,
        metavar="DURATION",
        parse=at_least(1.0),
        help="how long one run of a fabric tool may take",
    )
    fabric_mad_rate: float = flag(
        "fabric.mad-rate",
        default=500.0,
        metavar="RATE",
        parse=_mad_rate,
        help="management packets a second that may be sent to the fabric, on average",
    )
    fabric_ca: str = flag(
        "fabric.ca", default="", metavar="HCA", help="the HCA through which the fabric is reached"
    )
    fabric_port: int = flag(
        "fabric.port", default=0, metavar="PORT", parse=count, help="its port; 0: the first active"
    )
    fabric_traffic: bool = flag(
        "fabric.traffic", default=False, help="read bytes and packets of each switch port too"
    )
    uplink_config_file: str = flag(
        "uplink.config.file",
        default="",
        metavar="FILE",
        help="YAML: the dedicated lines, for --collector.uplink; read again when it changes",
    )
    uplink_probe_interval: float = flag(
        "uplink.probe-interval",
        default=1.0,
        metavar="DURATION",
        parse=at_least(0.1),
        help="how often a peer is probed whose entry does not say",
    )
    interval: float = duration("interval", default=5.0, help="how often the hardware is read")
    check: bool = flag(
        "check",
        default=False,
        help="print how each facility stands here and what it lacks, and exit: 0 if nothing",
    )
    once: bool = flag("once", default=False, help="print one exposition and exit")
    compat: Sequence[str] = flag(
        "compat",
        default=(),
        metavar="LIST",
        parse=_exporters,
        help=f"add the metrics of these exporters, under their names: {','.join(COMPAT)}",
    )
    telemetry_path: str = flag(
        "web.telemetry-path", default="/metrics", metavar="PATH", help="path of the exposition"
    )
    facilities: frozenset[str] = frozenset(
        facility.key
        for family in FAMILIES
        for facility in family.facilities
        if family.on and facility.on
    )
    """Keys (FAMILY.FACILITY) of the facilities that are read."""


def add_settings(to: argparse.ArgumentParser) -> None:
    """Add the exporter's flags, among them one for each family and facility."""
    add_flags(to, Settings)
    for family in FAMILIES:
        _add_switch(to, family.name, family.reads, on=family.on)
        for facility in family.facilities:
            _add_switch(to, facility.key, facility.reads, on=facility.on)


def _add_switch(to: argparse.ArgumentParser, key: str, reads: str, *, on: bool) -> None:
    to.add_argument(
        f"--collector.{key}",
        dest=f"collector.{key}",
        action=argparse.BooleanOptionalAction,
        default=on,
        help=f"{reads} (default: {'on' if on else 'off'})",
    )


def open_settings(parsed: argparse.Namespace) -> Settings:
    """Return the settings of a parsed command line; UsageError where they make no sense."""
    switches = vars(parsed)
    on = frozenset(
        facility.key
        for family in FAMILIES
        for facility in family.facilities
        if switches[f"collector.{family.name}"] and switches[f"collector.{facility.key}"]
    )
    settings = replace(build(Settings, parsed), facilities=on)
    if settings.interval < SHORTEST_INTERVAL:
        raise UsageError("--interval: must be at least 100ms")
    if settings.exit_on_driver_mismatch and not settings.state:
        raise UsageError("--exit-on-driver-mismatch: needs --path.state, to end once a boot only")
    if on & {f.key for f in UPLINK.facilities} and not settings.uplink_config_file:
        raise UsageError("--collector.uplink: needs --uplink.config.file")
    path = settings.telemetry_path
    if not path.startswith("/") or path in OWN_PATHS:
        raise UsageError(
            f"--web.telemetry-path: {path!r} is not a path of its own such as /metrics"
        )
    return settings
