"""A GPU costs no more series than promised, whatever the model."""

import pytest

from testbed.nvml import PROFILES, SimulatedNvml
from testbed.sysfs import SimulatedSysfs
from tests.exporters.running import Hardware, Scrape, exporter

MOST = 250


@pytest.mark.parametrize("profile", PROFILES)
def test_the_default_readings_of_one_gpu(profile: str) -> None:
    """By the real program and its real flags; GPM tells nothing in the first cycle."""
    with SimulatedNvml(gpus=1, profile=profile) as nvml, SimulatedSysfs(ports=0) as sysfs:
        sysfs.gpus.plug(nvml.slot(0))
        with exporter(Hardware(nvml, sysfs), interval="100ms") as running:
            hopper = profile.startswith(("H", "B"))

            def complete(scrape: Scrape) -> bool:
                sampled = bool(scrape.all("railwatch_gpu_sm_active_ratio")) == hopper
                return sampled and bool(scrape.all("railwatch_gpu_xid_errors_total"))

            scrape = running.await_scrape("every reading", 10, complete)

    mine = [series for series in scrape.series if series.labels.get("gpu") == "0"]
    assert 100 < len(mine) <= MOST
