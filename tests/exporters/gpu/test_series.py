"""A GPU costs no more series than promised, whatever the model, its division and its users."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from testbed.kubelet import Container, Pod, SimulatedKubelet, gpu_pod
from testbed.nvml import PROFILES, SimulatedNvml, state
from testbed.nvml.parts import COMPUTE, NO_INSTANCE, PROCESSES, Process
from testbed.nvml.profiles import MigShape
from testbed.sysfs import SimulatedSysfs
from tests.exporters.running import Hardware, Scrape, exporter

MOST = 250
MOST_EVER = {False: 300, True: 350}
"""Crowded with users, by whether it is divided, then as far as it goes."""
NAMES = 16


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

            scrape = running.await_scrape("every reading", complete)
            kubelet.pods = pods(scrape, nvml.uuid(0))

            def allocated(scrape: Scrape) -> bool:
                held = scrape.all("railwatch_gpu_allocation", gpu="0")
                return complete(scrape) and len(held) == len(kubelet.pods)

            scrape = running.await_scrape("every pod", allocated)

    mine = [series for series in scrape.series if series.labels.get("gpu") == "0"]
    assert 100 < len(mine) <= MOST


SEVEN = tuple(
    MigShape(profile="1g.10gb", gpu_instance=number, memory=10 << 30) for number in range(7, 14)
)
MIB = 1 << 20


class Crowd:
    """As many pods as the simulated GPU has room for processes, each using the GPU."""

    def __init__(self, nvml: SimulatedNvml, sysfs: SimulatedSysfs, devices: list[str]) -> None:
        """Start a process for each, in turn on each of the devices, larger and larger."""
        self.pods: list[Pod] = []
        self._logs = sysfs.root / "log/pods"
        with nvml.card(0) as card:
            found = [(m.gpu_instance, m.compute_instance) for m in card.migs if m.present]
            parts = found or [(NO_INSTANCE, NO_INSTANCE)]
            processes = []
            for n in range(PROCESSES):
                device, part = devices[n % len(devices)], parts[n % len(parts)]
                self.pods.append(gpu_pod(f"user-{n}", f"{device}::{n}"))
                self._process(sysfs.proc, n)
                processes.append(Process(COMPUTE, 1000 + n, (n + 1) * MIB, *part, utilization=1))
            state.set_processes(card, processes)
            card.memory_used = 40 << 30
            for mig in card.migs:
                mig.memory_used = 5 << 30

    def _process(self, proc: Path, number: int) -> None:
        uid = f"{number:08x}-8024-5293-9cdc-b996da010db9"
        (self._logs / f"default_user-{number}_{uid}").mkdir(parents=True)
        (proc / str(1000 + number)).mkdir()
        (proc / str(1000 + number) / "cgroup").write_text(f"0::/kubepods/pod{uid}\n")


@pytest.mark.parametrize("divided", [False, True], ids=["whole", "divided"])
@pytest.mark.parametrize("profile", ["H100", "B200"])
def test_whoever_uses_it_and_however_it_is_divided(profile: str, divided: bool) -> None:  # noqa: FBT001 - a case
    """The GPU with most readings, seven MIG devices, and more users of each than have names."""
    with ExitStack() as stack:
        nvml = stack.enter_context(SimulatedNvml(gpus=1, profile=profile))
        sysfs = stack.enter_context(SimulatedSysfs(ports=0))
        sysfs.gpus.plug(nvml.slot(0))
        devices = [nvml.uuid(0)]
        if divided:
            nvml.set(0, mig_mode=1)
            with nvml.card(0) as card:
                state.divide(card, SEVEN)
                devices = [mig.uuid.decode() for mig in card.migs if mig.present]
        crowd = Crowd(nvml, sysfs, devices)
        (sysfs.root / "pod-resources").mkdir()
        kubelet = stack.enter_context(SimulatedKubelet(sysfs.root / "pod-resources"))
        kubelet.pods = crowd.pods
        running = stack.enter_context(exporter(Hardware(nvml, sysfs), interval="100ms"))

        def crowded(scrape: Scrape) -> bool:
            others = scrape.all("railwatch_gpu_user_memory_bytes", user="others")
            sampled = scrape.all("railwatch_gpu_sm_active_ratio")
            held = scrape.all("railwatch_gpu_allocation", gpu="0")
            return len(others) == len(devices) and bool(sampled) and len(held) == NAMES

        scrape = running.await_scrape("every user", crowded)

    mine = [series for series in scrape.series if series.labels.get("gpu") == "0"]
    users = scrape.all("railwatch_gpu_user_memory_bytes", user="pod")
    whole = 5 << 30 if divided else 40 << 30
    parts: Counter[str] = Counter()
    for one in scrape.all("railwatch_gpu_user_memory_bytes"):
        parts[one.labels["mig"]] += int(one.value)
    assert len(users) == NAMES
    assert set(parts.values()) == {whole}
    assert len(parts) == len(devices)
    assert 100 < len(mine) <= MOST_EVER[divided]
