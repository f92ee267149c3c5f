"""A GPU costs no more series than promised, whatever the model, with a pod on each device of it."""

import pytest

from testbed.kubelet import Container, Pod, SimulatedKubelet
from testbed.nvml import PROFILES, SimulatedNvml
from testbed.sysfs import SimulatedSysfs
from tests.exporters.running import Hardware, Scrape, exporter

MOST = 250


def pods(scrape: Scrape, uuid: str) -> list[Pod]:
    """Return a pod for the GPU, or for each of its MIG devices."""
    parts = [one.labels["mig"] for one in scrape.all("railwatch_gpu_mig_info")]
    held = {f"nvidia.com/mig-{n}": [part] for n, part in enumerate(parts)}
    devices = held or {"nvidia.com/gpu": [uuid]}
    return [
        Pod(name=f"rank-{n}", containers=[Container(devices={resource: ids})])
        for n, (resource, ids) in enumerate(devices.items())
    ]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_default_readings_of_one_gpu(profile: str) -> None:
    """By the real program and its real flags; GPM tells nothing in the first cycle."""
    with SimulatedNvml(gpus=1, profile=profile) as nvml, SimulatedSysfs(ports=0) as sysfs:
        sysfs.gpus.plug(nvml.slot(0))
        directory = sysfs.root / "pod-resources"
        directory.mkdir()
        hardware = Hardware(nvml, sysfs)
        with (
            SimulatedKubelet(directory) as kubelet,
            exporter(hardware, interval="100ms") as running,
        ):
            hopper = profile.startswith(("H", "B"))

            def complete(scrape: Scrape) -> bool:
                sampled = bool(scrape.all("railwatch_gpu_sm_active_ratio")) == hopper
                return sampled and bool(scrape.all("railwatch_gpu_xid_errors_total"))

            scrape = running.await_scrape("every reading", 30, complete)
            kubelet.pods = pods(scrape, nvml.uuid(0))

            def allocated(scrape: Scrape) -> bool:
                held = scrape.all("railwatch_gpu_allocation", gpu="0")
                return complete(scrape) and len(held) == len(kubelet.pods)

            scrape = running.await_scrape("every pod", 30, allocated)

    mine = [series for series in scrape.series if series.labels.get("gpu") == "0"]
    assert 100 < len(mine) <= MOST
