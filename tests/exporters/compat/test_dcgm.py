"""dcgm-exporter's names, from our samples."""

import pytest
import yaml

from catalog import gpu, gpu_allocation, gpu_clocks, gpu_engines, gpu_gpm, gpu_license, gpu_mig
from catalog.compat import COMPAT
from catalog.compat_dcgm import DCGM, LABELS
from catalog.gpu_repair import GPU_REMAPPED_ROWS
from exporters import exposition
from exporters.compat import dcgm
from exporters.compat.registry import EMITTERS, emitters
from exporters.exposition import Writer
from exporters.metrics import METRICS
from exporters.sample import Sample
from exporters.settings import Settings
from program.errors import UsageError
from testbed.servers.prometheus import Prometheus
from testbed.waiting import wait_until
from tests.exporters.running import exporter, hardware
from tests.exporters.test_settings import read

ONE, TWO = "GPU-1", "GPU-2"
MIG, OTHER, SIBLING = "MIG-1", "MIG-2", "MIG-3"

DEFAULTS = {
    *("SM_CLOCK", "MEM_CLOCK", "MEMORY_TEMP", "GPU_TEMP", "POWER_USAGE"),
    *("TOTAL_ENERGY_CONSUMPTION", "PCIE_REPLAY_COUNTER", "GPU_UTIL", "MEM_COPY_UTIL"),
    *("ENC_UTIL", "DEC_UTIL", "XID_ERRORS", "FB_FREE", "FB_USED", "FB_RESERVED"),
    *("NVLINK_BANDWIDTH_TOTAL", "VGPU_LICENSE_STATUS", "UNCORRECTABLE_REMAPPED_ROWS"),
    *("CORRECTABLE_REMAPPED_ROWS", "ROW_REMAP_FAILURE"),
}
PROFILING = {
    *("GR_ENGINE_ACTIVE", "PIPE_TENSOR_ACTIVE", "DRAM_ACTIVE", "PCIE_TX_BYTES", "PCIE_RX_BYTES"),
}
COUNTERS = {
    *("TOTAL_ENERGY_CONSUMPTION", "PCIE_REPLAY_COUNTER", "NVLINK_BANDWIDTH_TOTAL"),
    *("UNCORRECTABLE_REMAPPED_ROWS", "CORRECTABLE_REMAPPED_ROWS"),
}

CARDS = (
    Sample(gpu.GPU_DRIVER_INFO, ("580.95.05", "13.0", "13.580"), 1),
    Sample(gpu.GPU_INFO, ("0", ONE, "NVIDIA H100", "1650", "0000:1b:00.0", "96.00"), 1),
    Sample(gpu.GPU_INFO, ("1", TWO, "NVIDIA H100", "1651", "0000:43:00.0", "96.00"), 1),
)
POD = ("prod", "web-0", "main")


def fields(*samples: Sample) -> dict[str, float]:
    """Return the values of the first GPU by the field's name without its prefix."""
    found = {}
    for sample in dcgm.emit((*CARDS, *samples)):
        name = sample.metric.name.removeprefix("DCGM_FI_DEV_").removeprefix("DCGM_FI_PROF_")
        found[name] = sample.value
    return found


def labels(*samples: Sample) -> list[dict[str, str]]:
    emitted = dcgm.emit((*CARDS, *samples))
    return [dict(zip(s.metric.labels, s.labels, strict=True)) for s in emitted]


def test_every_default_field_is_there_with_its_type() -> None:
    assert {metric.name for metric in DCGM} == {
        *(f"DCGM_FI_DEV_{name}" for name in DEFAULTS),
        *(f"DCGM_FI_PROF_{name}" for name in PROFILING),
    }
    counters = {metric.name for metric in DCGM if metric.kind == "counter"}
    assert counters == {f"DCGM_FI_DEV_{name}" for name in COUNTERS}


def test_each_is_made_of_a_metric_of_ours() -> None:
    assert {metric.source for metric in DCGM} <= {metric.name for metric in METRICS}


def test_units_are_dcgms() -> None:
    of = ("0", ONE)
    found = fields(
        Sample(gpu_clocks.GPU_CLOCK, (*of, "sm"), 1_980_000_000),
        Sample(gpu_clocks.GPU_CLOCK, (*of, "memory"), 2_619_000_000),
        Sample(gpu_clocks.GPU_CLOCK, (*of, "video"), 1),
        Sample(gpu.GPU_POWER, of, 350.5),
        Sample(gpu.GPU_ENERGY, of, 12.5),
        Sample(gpu.GPU_UTILIZATION, of, 0.37),
        Sample(gpu.GPU_MEMORY_USED, of, 3 << 30),
        Sample(gpu.GPU_MEMORY_FREE, of, 1 << 20),
        Sample(gpu_engines.GPU_ENGINE_UTILIZATION, (*of, "encoder"), 0.5),
        Sample(GPU_REMAPPED_ROWS, (*of, "correctable"), 2),
        Sample(gpu_gpm.GPU_TENSOR_ACTIVE, (*of, ""), 0.25),
        Sample(gpu_gpm.GPU_PCIE_THROUGHPUT, (*of, "", "transmit"), 1e9),
        Sample(gpu_gpm.GPU_NVLINK_THROUGHPUT, (*of, "", "transmit"), 1024_000_000),
        Sample(gpu_gpm.GPU_NVLINK_THROUGHPUT, (*of, "", "receive"), 1024_000_000),
        Sample(gpu_license.GPU_VGPU_LICENSE, (*of, "", "vWS", "licensed"), 1),
        Sample(gpu_license.GPU_VGPU_LICENSE, (*of, "", "vWS", "unlicensed"), 0),
    )

    assert found == {
        "SM_CLOCK": pytest.approx(1980),
        "MEM_CLOCK": pytest.approx(2619),
        "POWER_USAGE": 350.5,
        "TOTAL_ENERGY_CONSUMPTION": 12_500,
        "GPU_UTIL": pytest.approx(37),
        "FB_USED": 3072,
        "FB_FREE": 1,
        "ENC_UTIL": 50,
        "CORRECTABLE_REMAPPED_ROWS": 2,
        "PIPE_TENSOR_ACTIVE": 0.25,
        "PCIE_TX_BYTES": 1e9,
        "NVLINK_BANDWIDTH_TOTAL": pytest.approx(2000),
        "VGPU_LICENSE_STATUS": 1,
    }


def test_what_was_not_read_is_not_there() -> None:
    assert fields() == {}


def test_the_labels_are_dcgm_exporters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_NAME", "node-7")

    (found,) = labels(
        Sample(gpu.GPU_TEMPERATURE, ("0", ONE), 40),
        Sample(gpu_allocation.GPU_ALLOCATION, ("0", ONE, "", *POD), 1),
        Sample(gpu_allocation.GPU_JOB, ("0", ONE, "", "4711"), 1),
    )

    assert tuple(found) == LABELS
    assert found == {
        "gpu": "0",
        "UUID": ONE,
        "pci_bus_id": "00000000:1B:00.0",
        "device": "nvidia0",
        "modelName": "NVIDIA H100",
        "GPU_I_PROFILE": "",
        "GPU_I_ID": "",
        "Hostname": "node-7",
        "hostname": "node-7",
        "DCGM_FI_DRIVER_VERSION": "580.95.05",
        "hpc_job": "4711",
        "namespace": "prod",
        "pod": "web-0",
        "container": "main",
    }


def test_a_gpu_that_pods_share_is_one_series_without_a_pod() -> None:
    (found,) = labels(
        Sample(gpu.GPU_TEMPERATURE, ("0", ONE), 40),
        Sample(gpu_allocation.GPU_ALLOCATION, ("0", ONE, "", *POD), 0.5),
        Sample(gpu_allocation.GPU_ALLOCATION, ("0", ONE, "", "prod", "web-1", "main"), 0.5),
    )

    assert (found["namespace"], found["pod"], found["container"]) == ("", "", "")


def test_containers_of_one_pod_leave_its_name() -> None:
    (found,) = labels(
        Sample(gpu.GPU_TEMPERATURE, ("0", ONE), 40),
        Sample(gpu_allocation.GPU_ALLOCATION, ("0", ONE, "", *POD), 0.5),
        Sample(gpu_allocation.GPU_ALLOCATION, ("0", ONE, "", "prod", "web-0", "sidecar"), 0.5),
    )

    assert (found["namespace"], found["pod"], found["container"]) == ("prod", "web-0", "")


def test_containers_whose_name_is_that_of_another_pods() -> None:
    (found,) = labels(
        Sample(gpu.GPU_TEMPERATURE, ("0", ONE), 40),
        Sample(gpu_allocation.GPU_ALLOCATION, ("0", ONE, "", "a", "x", "x"), 0.5),
        Sample(gpu_allocation.GPU_ALLOCATION, ("0", ONE, "", "b", "x", "x"), 0.5),
    )

    assert (found["namespace"], found["pod"], found["container"]) == ("", "", "")


def test_a_divided_gpu_speaks_by_instance_and_of_the_card_once() -> None:
    of, there = ("0", ONE), (MIG, OTHER, SIBLING)
    ids = {MIG: ("1", "0"), OTHER: ("2", "0"), SIBLING: ("2", "1")}
    infos = [Sample(gpu_mig.GPU_MIG_INFO, (*of, mig, *ids[mig], "1g.10gb"), 1) for mig in there]
    used = [Sample(gpu_mig.GPU_MIG_MEMORY_USED, (*of, mig), 1 << 30) for mig in there]

    found = labels(
        *infos,
        *used,
        Sample(gpu.GPU_MEMORY_USED, of, 2 << 30),
        Sample(gpu.GPU_POWER, of, 300),
        Sample(gpu_allocation.GPU_ALLOCATION, (*of, OTHER, *POD), 1),
    )

    instances = [(one["GPU_I_ID"], one["GPU_I_PROFILE"], one["pod"]) for one in found]
    assert instances == [("", "", ""), ("1", "1g.10gb", ""), ("2", "1g.10gb", "web-0")]


def test_the_last_xid_stays() -> None:
    def seen(uuid: str, xid: str, time: float) -> Sample:
        return Sample(gpu.GPU_XID_LAST_TIMESTAMP, ("0", uuid, xid, "RESET_GPU"), time)

    given = (seen(ONE, "79", 0), seen(ONE, "13", 50), seen(ONE, "94", 40), seen(TWO, "79", 0))

    told = {one["UUID"]: (one["err_code"], one["err_msg"]) for one in labels(*given)}
    values = {s.labels[1]: s.value for s in dcgm.emit((*CARDS, *given))}
    assert values == {ONE: 13, TWO: 0}
    assert told[TWO] == ("0", "No Error")
    assert told[ONE][0] == "13"
    assert told[ONE][1]


def test_openmetrics_has_no_counters_without_their_suffix() -> None:
    lines = Writer(DCGM).write(dcgm.emit((*CARDS, Sample(gpu.GPU_ENERGY, ("0", ONE), 1))))

    assert "# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION unknown\n" in exposition.openmetrics(lines)
    assert "# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter\n" in exposition.text(lines)


def test_the_flag_takes_a_list() -> None:
    assert read("--compat", "dcgm").compat == ("dcgm",)
    assert read("--compat", "node_exporter, dcgm,dcgm").compat == ("node_exporter", "dcgm")
    assert read("--compat", "").compat == ()
    assert Settings().compat == ()
    with pytest.raises(UsageError, match="'dgcm' is none of dcgm, node_exporter"):
        read("--compat", "dgcm")


def test_every_exporter_of_the_flag_has_an_emitter() -> None:
    assert tuple(emitter.name for emitter in EMITTERS) == COMPAT
    assert emitters(("dcgm",)) == (dcgm.EMITTER,)


QUERIES = (
    'DCGM_FI_DEV_GPU_TEMP{instance=~"$instance", gpu=~"$gpu"}',
    'avg(DCGM_FI_DEV_GPU_TEMP{instance=~"$instance", gpu=~"$gpu"})',
    'DCGM_FI_DEV_POWER_USAGE{instance=~"$instance", gpu=~"$gpu"}',
    'sum(DCGM_FI_DEV_POWER_USAGE{instance=~"$instance", gpu=~"$gpu"})',
    'DCGM_FI_DEV_SM_CLOCK{instance=~"$instance", gpu=~"$gpu"} * 1000000',
    'DCGM_FI_DEV_GPU_UTIL{instance=~"$instance", gpu=~"$gpu"}',
    'DCGM_FI_DEV_FB_USED{instance=~"$instance", gpu=~"$gpu"}',
    'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{instance=~"$instance", gpu=~"$gpu"}',
)
"""Of NVIDIA's dashboard for dcgm-exporter (12239), every panel."""


@pytest.mark.cluster
def test_nvidias_dashboard_fills() -> None:
    with hardware(2, 0) as machine, exporter(machine, "--compat", "dcgm") as running:
        config = {
            "global": {"scrape_interval": "200ms"},
            "scrape_configs": [
                {
                    "job_name": "gpu",
                    "static_configs": [{"targets": [running.url.removeprefix("http://")]}],
                }
            ],
        }
        machine.nvml.set(1, utilization=50)
        with Prometheus(yaml.safe_dump(config)) as prometheus:

            def filled() -> bool:
                return all(
                    prometheus.query(q.replace("$instance", ".+").replace("$gpu", "0|1"))
                    for q in QUERIES
                )

            wait_until(filled, what="every panel")

            def both_there() -> bool:
                gpus = prometheus.query("count by (gpu) (DCGM_FI_DEV_GPU_TEMP)")
                return {one["metric"]["gpu"] for one in gpus} == {"0", "1"}

            wait_until(both_there, what="both GPUs, and no other")
            wait_until(
                lambda: prometheus.value('DCGM_FI_DEV_GPU_UTIL{gpu="1"}') == 50,
                what="the utilisation in percent",
            )
