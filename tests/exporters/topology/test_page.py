"""The exporter as a process, with the topology of a simulated node."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed import lldp
from testbed.fuse import StuckMount
from testbed.lldp import SwitchPort
from testbed.sysfs.pci import PciBus
from testbed.waiting import wait_until
from tests.exporters.running import Exporter, Scrape, exporter, hardware, name_of
from tests.packages import needs


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    root = tmp_path_factory.mktemp("node")
    bus = PciBus.rails(root, 2)
    told = root / "lldp.json"
    told.write_text(lldp.json0({"eth0": [SwitchPort(system="leaf-a")]}))
    flags = (
        *("--path.sysfs", str(bus.sysfs), "--path.procfs", str(bus.procfs)),
        *("--lldp.file", str(told), "--no-collector.node"),
    )
    with hardware(gpus=0, ports=0) as on, exporter(on, *flags) as made:
        yield made


def test_the_document_is_served_and_stays_the_same(running: Exporter) -> None:
    wait_until(lambda: running.get("/topology").status == 200, what="the document")
    answer = running.get("/topology")

    made = json.loads(answer.body)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert made["version"] == 1
    assert [rail["leaf"] for rail in made["rails"]] == ["leaf-a", None]
    again = running.get("/topology", if_none_match=answer.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


def test_the_series_are_scraped(running: Exporter) -> None:
    def told(scrape: Scrape) -> None:
        info = {"device": "mlx5_0", "leaf": "leaf-a", "rail": "0"}
        assert scrape.value("railwatch_rdma_topology_info", **info) == 1
        assert scrape.collector_state("topology", "places") == "ok"
        assert scrape.collector_state("topology", "neighbors") == "ok"

    running.await_true(told)


def test_its_worker_gives_its_memory_back(running: Exporter) -> None:
    def there() -> bool:
        return "rw-topology" in map(name_of, running.processes())

    wait_until(lambda: not there(), what="its worker's end")


@needs("fuse3")
def test_a_file_that_never_answers_costs_the_topology_and_nothing_else(tmp_path: Path) -> None:
    bus = PciBus.rails(tmp_path / "node", 1)
    speed = bus.sysfs / "bus/pci/devices/0000:14:00.0/max_link_speed"
    speed.unlink()
    flags = ("--path.sysfs", str(bus.sysfs), "--path.procfs", str(bus.procfs))
    with StuckMount(tmp_path / "stuck") as stuck, hardware(gpus=0, ports=0) as on:
        stuck.hold("max_link_speed")
        speed.symlink_to(stuck.path / "max_link_speed")
        with exporter(on, *flags, "--no-collector.node") as made:

            def hangs_alone(scrape: Scrape) -> None:
                assert scrape.collector_state("topology", "places") == "hung"
                assert scrape.value("railwatch_rdma_port_state", device="mlx5_0", port="1") == 4

            made.await_true(hangs_alone)
            assert made.get("/topology").status == 503
