"""A link in trouble, named by both its ends."""

import subprocess
from pathlib import Path

import yaml

from catalog.rdma_link import RDMA_LINK_FLAPPING, RDMA_PORT_PEER
from exporters.facility import Cycle, End, Outcome, State
from exporters.post import Pace
from exporters.rdma import peers
from exporters.rdma.family import RdmaFamily
from exporters.rdma.worker import attach
from exporters.sample import Note, Sample
from exporters.settings import Settings
from testbed import lldp
from testbed.lldp import SwitchPort
from testbed.sysfs import SimulatedSysfs
from testbed.sysfs.pci import PciBus
from testbed.tools import ensure
from tests.exporters.running import exporter, hardware
from tests.exporters.samples import at
from tests.exporters.topology.nodes import outcomes

DOCUMENT = Path(__file__).parents[3] / "docs/rdma.md"


def looked(bus: PciBus, told: dict[str, list[SwitchPort]], folder: Path) -> Cycle:
    """Return a cycle of the topology's worker, where LLDP tells this."""
    file = folder / "lldp.json"
    file.write_text(lldp.json0(told))
    found = outcomes(bus, lldp_file=str(file))
    return Cycle(outcomes=tuple(found.values()), end=End.OK)


def named(samples: list[Sample]) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {s.labels[:2]: s.labels[2:] for s in samples if s.metric is RDMA_PORT_PEER}


def test_a_link_that_flaps_is_named_by_both_its_ends_while_it_is_down(tmp_path: Path) -> None:
    bus = PciBus.rails(tmp_path / "node", 2)
    with SimulatedSysfs(ports=2, link_layer="Ethernet") as sysfs:
        settings = Settings(sysfs=str(sysfs.path))
        session, family = attach(settings, {}), RdmaFamily(settings, Pace.of(5.0, epoch=0.0))

        def read(seconds: float, state: str) -> list[Sample]:
            sysfs.set_state("mlx5_1", 1, state)
            cycle = Cycle(outcomes=tuple(session.cycle()), end=End.OK)
            family.readers[0].fold(cycle, at(seconds))
            return list(family.samples(at(seconds)))

        read(0, "ACTIVE")
        told = {f"eth{n}": [SwitchPort(system=f"leaf-{n}")] for n in range(2)}
        family.overhear(looked(bus, told, tmp_path), at(1))
        for outage in range(3):
            read(10 + 100 * outage, "DOWN")
            family.overhear(looked(bus, {}, tmp_path), at(20 + 100 * outage))
            read(60 + 100 * outage, "ACTIVE")
        samples = read(310, "DOWN")

    flapping = {s.labels for s in samples if s.metric is RDMA_LINK_FLAPPING and s.value}
    assert flapping == {("mlx5_1", "1")}
    assert named(samples) == {
        ("mlx5_0", "1"): ("leaf-0", "Ethernet1/7"),
        ("mlx5_1", "1"): ("leaf-1", "Ethernet1/7"),
    }


def test_a_cable_that_was_moved_leads_to_its_new_end() -> None:
    known = peers.Peers()

    for leaf in ("leaf-1", "leaf-2"):
        known.learn(cycle(peers.note(("mlx5_0", "1"), leaf, "swp3")))

    assert named(list(known.samples({("mlx5_0", "1")}))) == {("mlx5_0", "1"): ("leaf-2", "swp3")}


def test_of_a_port_that_nobody_reads_nothing_is_told() -> None:
    known = peers.Peers()

    known.learn(cycle(peers.note(("mlx5_7", "1"), "leaf-1", "swp3")))

    assert list(known.samples({("mlx5_0", "1")})) == []


def cycle(note: Note) -> Cycle:
    return Cycle(outcomes=(Outcome(facility="places", state=State.OK, notes=(note,)),), end=End.OK)


def test_the_program_hears_of_neighbours(tmp_path: Path) -> None:
    with hardware(gpus=1, ports=2) as machine:
        (netdev,) = (machine.sysfs.path / "class/infiniband/mlx5_1/device/net").iterdir()
        told = {netdev.name: [SwitchPort(system="leaf-1")]}
        (tmp_path / "lldp.json").write_text(lldp.json0(told))
        with exporter(
            machine, "--no-collector.gpu", f"--lldp.file={tmp_path}/lldp.json"
        ) as running:
            scrape = running.await_scrape(
                "the peer", lambda s: bool(s.all("railwatch_rdma_port_peer_info"))
            )

    (peer,) = scrape.all("railwatch_rdma_port_peer_info")
    assert (peer.labels["device"], peer.labels["peer"]) == ("mlx5_1", "leaf-1")


def queries() -> list[str]:
    """Return the document's queries that name both ends."""
    blocks = DOCUMENT.read_text().split("```promql\n")[1:]
    return [block.partition("```")[0].strip() for block in blocks]


PORT = 'node="gpu-1",device="mlx5_0",port="1"'
FLAPPING = f"railwatch_rdma_port_flapping{{{PORT}}}"


def test_the_documents_queries_name_both_ends(tmp_path: Path) -> None:
    by_lldp, by_fabric = 'peer="leaf-1",peer_port="7"', 'leaf="leaf-1",leaf_port="7"'
    ends = f"{{{PORT},{by_lldp}}}", f'{{{PORT},guid="0:1",{by_fabric}}}'
    series = (
        [FLAPPING, f"railwatch_rdma_port_peer_info{{{PORT},{by_lldp}}}"],
        [
            FLAPPING,
            f'railwatch_rdma_port_info{{{PORT},guid="0:1"}}',
            f'railwatch_fabric_hca_info{{guid="0:1",{by_fabric}}}',
        ],
    )
    asked = [
        {
            "interval": "1m",
            "input_series": [{"series": one, "values": "1x10"} for one in told],
            "promql_expr_test": [
                {
                    "expr": query,
                    "eval_time": "5m",
                    "exp_samples": [{"labels": labels, "value": 1}],
                }
            ],
        }
        for query, told, labels in zip(queries(), series, ends, strict=True)
    ]
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [], "tests": asked}))

    promtool = str(ensure("promtool")["promtool"])
    done = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
