import dataclasses
import subprocess
import sys

import pytest

from exporters.registry import FAMILIES
from exporters.settings import Settings, add_settings, open_settings
from program.errors import UsageError
from program.flags import parser
from tests.exporters.running import ROOT

FACILITIES = {
    "gpu.xid",
    "gpu.state",
    "gpu.identity",
    "gpu.memory",
    "gpu.utilization",
    "gpu.thermal",
    "gpu.power",
    "gpu.ecc",
    "gpu.remapped_rows",
    "gpu.retired_pages",
    "gpu.clocks",
    "gpu.clock_limits",
    "gpu.pcie",
    "gpu.pcie_errors",
    "gpu.recovery",
    "gpu.memory_temperature",
    "gpu.thermal_limits",
    "gpu.fans",
    "gpu.modes",
    "gpu.bar1",
    "gpu.engines",
    "gpu.ecc_locations",
    "gpu.sram_ecc",
    "gpu.power_limits",
    "gpu.repairs",
    "gpu.remapped_banks",
    "gpu.pcie_bytes",
    "gpu.nvlink",
    "gpu.nvlink_errors",
    "gpu.c2c",
    "gpu.fabric",
    "gpu.gsp",
    "rdma.port",
    "rdma.counters",
    "rdma.statistics",
    "rdma.inventory",
    "rdma.history",
    "rdma_ethtool.roce",
    "rdma_ethtool.modules",
    "rdma_netlink.namespaces",
    "topology.neighbors",
    "topology.places",
    "node.boot",
    "node.kernel_log",
    "gpu.users",
    "gpu.gpm",
    "gpu.mig",
    "gpu.processes",
    "gpu.vgpu_license",
    "allocation.names",
    "allocation.pods",
    "hpc.jobs",
}


def read(*flags: str) -> Settings:
    made = parser("railwatch-exporter", "")
    add_settings(made)
    return open_settings(made.parse_args(flags))


def test_the_defaults_are_a_promise() -> None:
    assert dataclasses.asdict(read()) == {
        "sysfs": "/sys",
        "procfs": "/proc",
        "kmsg": "/dev/kmsg",
        "nvml_library": "libnvidia-ml.so.1",
        "state": "",
        "inventory_file": "",
        "inventory_node": "",
        "hold_file": "",
        "driver_ready_file": "",
        "exit_on_driver_mismatch": False,
        "interval": 5.0,
        "kubelet_socket_dir": "/var/lib/kubelet/pod-resources",
        "pod_logs": "/var/log",
        "hpc_job_mapping_dir": "",
        "compat": (),
        "lldp_file": "",
        "lldp_listen": False,
        "lldp_silence": 300.0,
        "topology_roles_file": "",
        "fabric_interval": 60.0,
        "fabric_timeout": 20.0,
        "fabric_mad_rate": 500.0,
        "fabric_ca": "",
        "fabric_port": 0,
        "fabric_traffic": False,
        "uplink_config_file": "",
        "uplink_probe_interval": 1.0,
        "check": False,
        "once": False,
        "telemetry_path": "/metrics",
        "facilities": FACILITIES,
    }
    assert read() == Settings()


def test_ending_for_a_mismatch_needs_a_place_to_keep_that_it_did() -> None:
    with pytest.raises(UsageError, match=r"--path\.state"):
        read("--exit-on-driver-mismatch")

    assert read("--exit-on-driver-mismatch", "--path.state", "/x").exit_on_driver_mismatch


def test_a_family_is_switched_off_with_all_it_has() -> None:
    assert read("--no-collector.gpu").facilities == {
        key for key in FACILITIES if not key.startswith("gpu.")
    }


def test_detail_is_off_until_it_is_asked_for() -> None:
    assert "gpu.nvlink_links" not in read().facilities
    assert "gpu.nvlink_links" in read("--collector.gpu.nvlink_links").facilities


def test_one_facility_is_switched_off_alone() -> None:
    assert read("--no-collector.gpu.power").facilities == FACILITIES - {"gpu.power"}


def test_a_switch_given_twice_counts_as_given_last() -> None:
    assert read("--no-collector.rdma", "--collector.rdma").facilities == FACILITIES


@pytest.mark.parametrize("path", ["", "metrics", "/", "/healthz", "/readyz", "/topology"])
def test_a_path_that_cannot_be_served_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match=r"--web\.telemetry-path"):
        read("--web.telemetry-path", path)


def test_facility_names_are_unique() -> None:
    keys = [facility.key for family in FAMILIES for facility in family.facilities]

    assert len(keys) == len(set(keys))
    assert all(f.family == family.name for family in FAMILIES for f in family.facilities)


def test_the_program_imports_no_driver_library() -> None:
    code = "import exporters.__main__, exporters.daemon, sys; sys.exit('pynvml' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
