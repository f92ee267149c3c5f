"""Pods and processes on a divided GPU, under our names and dcgm-exporter's."""

from contextlib import ExitStack

from testbed.directories import private_directory
from testbed.kubelet import SimulatedKubelet, gpu_pod
from testbed.nvml import SimulatedNvml, state
from testbed.nvml.parts import COMPUTE, Process
from testbed.sysfs import SimulatedSysfs
from tests.exporters.running import Hardware, Scrape, exporter

UID = "1f1f9f75-8024-5293-9cdc-b996da010db9"
GIB = 1 << 30


def test_a_mig_device_has_its_own_pods_and_its_own_users() -> None:
    with ExitStack() as stack:
        nvml = stack.enter_context(SimulatedNvml(gpus=1, profile="H100-MIG"))
        sysfs = stack.enter_context(SimulatedSysfs(ports=0))
        root = stack.enter_context(private_directory("node"))
        kubelet = stack.enter_context(SimulatedKubelet(root / "pod-resources"))
        (root / f"pods/prod_web_{UID}").mkdir(parents=True)
        (sysfs.proc / "7").mkdir()
        (sysfs.proc / "7/cgroup").write_text(f"0::/kubepods/pod{UID}/{'a' * 64}\n")
        with nvml.card(0) as card:
            first, second = card.migs[0], card.migs[1]
            uuids = [first.uuid.decode(), second.uuid.decode()]
            second.memory_used = 5 * GIB
            numbers = (second.gpu_instance, second.compute_instance)
            running_there = Process(COMPUTE, 7, 4 * GIB, *numbers)
            state.set_processes(card, [running_there])
        resource = "nvidia.com/mig-1g.10gb"
        kubelet.pods = [
            gpu_pod("one", uuids[0], resource=resource),
            gpu_pod("two", f"MIG-{nvml.uuid(0)}/{numbers[0]}/{numbers[1]}", resource=resource),
        ]
        flags = ["--kubelet.socket-dir", str(kubelet.directory), "--path.pod-logs", str(root)]
        started = exporter(Hardware(nvml, sysfs), *flags, "--compat", "dcgm")
        running = stack.enter_context(started)

        def complete(scrape: Scrape) -> bool:
            return len(scrape.all("railwatch_gpu_allocation")) == 2 and bool(
                scrape.all("railwatch_gpu_user_memory_bytes", user="pod")
            )

        scrape = running.await_scrape("pods and processes", complete)

    held = scrape.all("railwatch_gpu_allocation")
    assert {(one.labels["mig"], one.labels["pod"], one.value) for one in held} == {
        (uuids[0], "one", 1),
        (uuids[1], "two", 1),
    }
    used = scrape.all("railwatch_gpu_user_memory_bytes", mig=uuids[1])
    assert {(one.labels["user"], one.labels["pod"], one.value / GIB) for one in used} == {
        ("pod", "web", 4),
        ("unattributed", "", 1),
    }
    assert scrape.value("railwatch_gpu_user_memory_bytes", mig="") is None
    told = scrape.all("DCGM_FI_DEV_FB_USED", GPU_I_ID=str(numbers[0]))
    assert [(one.labels["pod"], one.value) for one in told] == [("two", 5 * 1024)]
    assert [one.labels.get("pod", "") for one in scrape.all("DCGM_FI_DEV_GPU_TEMP")] == [""]
