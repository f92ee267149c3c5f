"""An RDMA device whose firmware does not answer, with a worker that the kernel does not let die."""

import time
from pathlib import Path

from testbed.fuse import StuckMount
from testbed.waiting import wait_until
from tests.exporters.running import Exporter, Scrape, await_gone, exporter, hardware, is_stuck
from tests.packages import needs

STATE = "railwatch_rdma_device_state"
RECEIVED = "railwatch_rdma_port_receive_bytes_total"


def stuck(running: Exporter) -> list[int]:
    """Return the program's processes that cannot be killed."""
    return list(filter(is_stuck, running.processes()))


@needs("fuse3")
def test_a_device_stuck_in_the_kernel_costs_its_own_series_and_one_worker(tmp_path: Path) -> None:
    with (
        StuckMount(tmp_path / "stuck") as mount,
        hardware(gpus=1, ports=3) as machine,
        exporter(machine, "--no-collector.gpu", interval="500ms") as running,
    ):
        ports = machine.sysfs.path / "class/infiniband/mlx5_1/ports"
        counter = (ports / "1/counters/port_rcv_data").resolve()
        running.await_scrape("readings", lambda s: len(s.all(RECEIVED)) == 3)
        mount.hold("counter")
        (beside := tmp_path / "link").symlink_to(mount.path / "counter")
        beside.replace(counter)

        running.await_scrape(
            "state hung", lambda s: s.value(STATE, device="mlx5_1", state="hung") == 1
        )
        wait_until(lambda: stuck(running), what="a worker that cannot be killed")

        def others_are_read(scrape: Scrape) -> None:
            assert {one.labels["device"] for one in scrape.all(RECEIVED)} == {"mlx5_0", "mlx5_2"}
            assert scrape.collector_state("rdma", "counters") == "ok"
            assert scrape.collector_state("rdma_ethtool", "roce") != "hung"
            assert len(stuck(running)) <= 2  # its own reader's, and the one that found it

        for _ in range(6):
            time.sleep(0.25)
            running.await_true(others_are_read)

        mount.release("counter")
        beside.write_text("7\n")
        beside.replace(counter)

        running.await_scrape(
            "its return", lambda s: s.value(STATE, device="mlx5_1", state="ok") == 1
        )
        wait_until(lambda: not stuck(running), what="the end of the stuck worker")
        everyone = running.processes()
    await_gone(everyone)
