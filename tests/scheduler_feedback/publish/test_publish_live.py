"""The publisher on a real kube-apiserver, with the documents of real exporters."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalog.rails import parse_rails
from scheduler_feedback.kube import connect
from scheduler_feedback.placement.near import UNKNOWN
from scheduler_feedback.publish.cluster import PublishKube
from scheduler_feedback.publish.release import release_topology
from testbed.ibsim import PACKAGES, SimulatedFabric, rails
from testbed.servers import Cluster
from testbed.sysfs.pci import PciBus
from testbed.waiting import wait_until
from tests.exporters.running import exporter, hardware
from tests.exporters.topology.nodes import CAPTURE, document
from tests.packages import needs
from tests.scheduler_feedback import live
from tests.scheduler_feedback.live import Program
from tests.scheduler_feedback.placement.test_alignment import pod, zoned
from tests.scheduler_feedback.publish import pages
from tests.scheduler_feedback.publish.worlds import define_others

pytestmark = [pytest.mark.cluster, needs(*PACKAGES)]

HOSTS = ("node-0-0", "node-0-1", "node-1-0", "node-1-1")
TIERS = {host: (f"leaf-{host[5]}-0", "spine-0") for host in HOSTS}
DEVICES = ["mlx5_0", "mlx5_1", *(f"mlx5_{n}" for n in range(4, 10))]
NRT = "/apis/topology.node.k8s.io/v1alpha2/noderesourcetopologies"
COLLECTOR = (
    "--collector.fabric",
    "--no-collector.gpu",
    "--no-collector.rdma",
)
FLAGS = (
    "--publish-topology",
    "--no-gangs",
    "--topology.interval=300ms",
    live.LONG_LEASE,
)


@dataclass(frozen=True, kw_only=True)
class World:
    cluster: Cluster
    exporters: pages.Pages
    """A real exporter's documents, by node; on one address, as all nodes are."""
    fabric_url: str
    fabric: bytes
    documents: dict[str, bytes]

    def flags(self, fabric_url: str = "") -> tuple[str, ...]:
        url = f"--topology.exporter-url={self.exporters.url}/{{node}}?ip={{address}}"
        return (*FLAGS, url, f"--topology.fabric-url={fabric_url or self.fabric_url}")

    def publish(self, **others: bytes) -> None:
        self.exporters.answers["/fabric"] = pages.document(self.fabric)
        for host, body in (self.documents | others).items():
            self.exporters.answers[_path(host)] = pages.document(body, tag=f'"{host}"')

    def release(self) -> None:
        kube = connect(str(self.cluster.kubeconfig))
        release_topology(PublishKube(kube), kube.nodes())

    def tiers(self, host: str) -> tuple[str, ...]:
        labels = self.cluster.node(host)["metadata"]["labels"]
        return tuple(
            value
            for key, value in sorted(labels.items())
            if key.startswith("topology.railwatch.io")
        )

    def await_tiers(self, program: Program, **other: tuple[str, ...]) -> None:
        """Wait until the nodes say where they are."""
        wanted = TIERS | {name.replace("_", "-"): tiers for name, tiers in other.items()}
        wait_until(
            lambda: {host: self.tiers(host) for host in HOSTS} == wanted,
            what=f"{wanted}\n{program.process.tail()}",
        )


def _whole(fabric: bytes) -> bool:
    return bool(json.loads(fabric)["complete"])


def _path(host: str) -> str:
    return f"/{host}?ip=127.0.0.1"


def _h100(root: Path, host: str, fabric: dict[str, Any]) -> bytes:
    """What an exporter says on a captured H100 node that hangs on the fabric as a host of it."""
    bus = PciBus.hgx_h100(root, CAPTURE)
    guids = {hca["device"]: hca["guid"] for hca in fabric["hcas"] if hca["host"] == host}
    for index, device in enumerate(DEVICES):
        gids = bus.sysfs / "class/infiniband" / device / "ports/1/gids"
        gids.mkdir()
        (gids / "0").write_text(f"fe80:0000:0000:0000:{guids[f'mlx5_{index}']}\n")
    made = json.dumps(document(bus)).encode()
    shutil.rmtree(root)
    return made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster())
        live.deploy_rbac(cluster)
        define_others(cluster)
        cluster.add_nodes(HOSTS)
        address = {"type": "InternalIP", "address": "127.0.0.1"}
        for host in HOSTS:
            path = f"/api/v1/nodes/{host}/status"
            cluster.api.merge(path, {"status": {"addresses": [address]}})
        simulated = stack.enter_context(SimulatedFabric(rails(units=2, hosts=2, indices=8)))
        changed = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in simulated.environment.items():
            changed.setenv(name, value)
        on = stack.enter_context(hardware(gpus=1, ports=0))
        collector = stack.enter_context(exporter(on, *COLLECTOR))
        found = wait_until(
            lambda: (
                a.body if (a := collector.get("/fabric")).status == 200 and _whole(a.body) else None
            ),
            what="the whole fabric",
        )
        root = tmp_path_factory.mktemp("h100")
        yield World(
            cluster=cluster,
            exporters=stack.enter_context(pages.serving()),
            fabric_url=f"{collector.url}/fabric",
            fabric=found,
            documents={host: _h100(root / host, host, json.loads(found)) for host in HOSTS},
        )


def resource_topology(host: str) -> dict[str, Any]:
    return {
        "apiVersion": "topology.node.k8s.io/v1alpha2",
        "kind": "NodeResourceTopology",
        "metadata": {"name": host},
        "topologyPolicies": [],
        "attributes": [{"name": "topologyManagerPolicy", "value": "best-effort"}],
        "zones": [{"name": "node-0", "type": "Node"}],
    }


def test_all_is_published_and_released_again(world: World) -> None:
    cluster, host = world.cluster, "node-0-0"
    world.publish()
    cluster.api.create(resource_topology(host))
    before = {each: cluster.node(each)["metadata"] for each in HOSTS}
    kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)

    with live.program(kubeconfig, *world.flags()) as program:
        world.await_tiers(program)
        topologies = "/apis/kueue.x-k8s.io/v1beta2/topologies"
        hypernodes = "/apis/topology.volcano.sh/v1alpha1/hypernodes"
        wait_until(lambda: len(cluster.api.items(hypernodes)) == 3, what="the HyperNodes")
        wait_until(
            lambda: len(cluster.api.get(f"{NRT}/{host}")["attributes"]) == 3,
            what="attributes",
        )
        wait_until(
            lambda: program.metric("railwatch_scheduler_topology_last_success_timestamp_seconds"),
            what="a round in which all was written",
        )
        versions = {each: cluster.node(each)["metadata"]["resourceVersion"] for each in HOSTS}
        told = cluster.node(host)["metadata"]["annotations"]
        places = parse_rails(told["railwatch.io/rails"])

        assert told["railwatch.io/topology-source"] == "fabric"
        assert places is not None
        assert places.gpus == (0,) * 4 + (1,) * 4
        compute = [port for port in places.ports if port.role == "compute"]
        assert [port.device for port in compute] == DEVICES
        assert [port.leaf for port in compute] == [f"leaf-0-{rail}" for rail in range(8)]
        assert [(port.gpus, port.affinity) for port in compute] == [
            ((gpu,), "PIX") for gpu in range(8)
        ]
        assert {
            t["metadata"]["name"]: t["spec"]["levels"] for t in cluster.api.items(topologies)
        } == {
            "railwatch-1": _levels("tier-0"),
            "railwatch-2": _levels("tier-1", "tier-0"),
        }
        spec = cluster.api.get(f"{hypernodes}/railwatch-t1-spine-0")["spec"]
        assert spec["tier"] == 2
        assert [m["selector"]["exactMatch"]["name"] for m in spec["members"]] == [
            "railwatch-t0-leaf-0-0",
            "railwatch-t0-leaf-1-0",
        ]
        assert program.metric("railwatch_scheduler_topology_nodes", source="fabric") == 4
        rounds = len(world.exporters.asked)
        wait_until(lambda: len(world.exporters.asked) > rounds + 8, what="two more rounds")
        assert versions == {
            each: cluster.node(each)["metadata"]["resourceVersion"] for each in HOSTS
        }
        assert any("If-None-Match" in headers for _, headers in world.exporters.asked)

    ended = live.run("release", "--all", f"--kubeconfig={cluster.kubeconfig}")
    assert ended.returncode == 0, ended.stderr
    assert f"Node {host}: topology removed" in ended.stdout
    for each, was in before.items():
        now = cluster.node(each)["metadata"]
        assert (now["labels"], now["annotations"]) == (was["labels"], was["annotations"])
    assert not cluster.api.items(topologies)
    assert not cluster.api.items(hypernodes)
    left = cluster.api.get(f"{NRT}/{host}")
    assert left["attributes"] == resource_topology(host)["attributes"]
    assert "Node" not in live.run("release", "--all", f"--kubeconfig={cluster.kubeconfig}").stdout
    cluster.api.delete(f"{NRT}/{host}")


def _levels(*tiers: str) -> list[dict[str, str]]:
    keys = [*(f"topology.railwatch.io/{tier}" for tier in tiers), "kubernetes.io/hostname"]
    return [{"nodeLabel": key} for key in keys]


def test_what_one_exporter_says_or_fails_to_costs_its_node_alone(world: World) -> None:
    """Hostile, endless and slow ones lose their labels after the grace, and nobody else does."""
    world.publish()
    kubeconfig = world.cluster.kubeconfig_for(live.PROGRAM_USER)
    bounds = ("--topology.grace=4s", "--topology.timeout=1s")
    flags = (*world.flags(f"{world.exporters.url}/fabric"), *bounds)
    with live.program(kubeconfig, *flags) as program:
        world.await_tiers(program)

        world.exporters.answers[_path("node-0-0")] = pages.endless
        world.exporters.answers[_path("node-0-1")] = pages.trickling
        world.exporters.answers[_path("node-1-0")] = pages.document(b'{"version": 1, "rails": 7}')
        world.await_tiers(program, node_0_0=(), node_0_1=(), node_1_0=())

        metric = "railwatch_scheduler_topology_unplaced_nodes"
        wait_until(
            lambda: (
                (
                    program.metric(metric, reason="unreachable"),
                    program.metric(metric, reason="malformed"),
                )
                == (2, 1)
            ),
            what="the reasons",
        )
        world.publish()
        world.await_tiers(program)
    world.release()


def test_blindness_keeps_the_labels_and_a_wrong_leaf_takes_them(world: World) -> None:
    world.publish()
    kubeconfig = world.cluster.kubeconfig_for(live.PROGRAM_USER)
    with live.program(kubeconfig, *world.flags()) as program:
        world.await_tiers(program)
    world.exporters.answers.clear()
    with live.program(kubeconfig, *world.flags()) as program:  # remembers nothing of before
        kept = "railwatch_scheduler_topology_kept_nodes"
        wait_until(lambda: program.metric(kept) == 4, what="all are blind")
        assert {host: world.tiers(host) for host in HOSTS} == TIERS

        told = json.loads(world.documents["node-1-1"])
        told["rails"][2]["miscabled"] = True
        world.publish(**{"node-1-1": json.dumps(told).encode()})
        world.await_tiers(program, node_1_1=())

        event = wait_until(
            lambda: live.events(world.cluster, "TopologyContradicted", "node-1-1"),
            what="the Event",
        )
        assert "miscabled" in event[0]["message"]
        assert "mlx5_4" in event[0]["message"]
        conflicts = "railwatch_scheduler_topology_conflicts"
        wait_until(lambda: program.metric(conflicts, reason="node") == 1, what="the metric")
    world.release()


def scores(program: Program, *names: str) -> dict[str, int]:
    asked: dict[str, Any] = {"Pod": pod(4, 4), "Nodes": None, "NodeNames": names}
    status, text = program.post("prioritize", json.dumps(asked).encode())
    assert status == 200
    return {each["Host"]: each["Score"] for each in json.loads(text)}


def test_what_is_free_in_numa_nodes_says_where_a_pod_is_sent(world: World) -> None:
    cluster, (one, other) = world.cluster, HOSTS[:2]
    for name, free in ((one, ((4, 4), (0, 0))), (other, ((2, 2), (2, 2)))):
        cluster.api.create({**resource_topology(name), **zoned(name, *free)})
    kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)

    with live.program(kubeconfig, "--no-gangs", "--placement.policy=none") as program:
        wait_until(lambda: scores(program, one, other) == {one: 10, other: 9}, what="the first")
        cluster.api.merge(f"{NRT}/{one}", {"zones": zoned(one, (1, 1), (1, 1))["zones"]})
        wait_until(lambda: scores(program, one, other) == {one: 9, other: 10}, what="the next")

    asking = pod(4, 4)
    asking["metadata"] = {"name": "asking", "namespace": "default"}
    asking["spec"]["containers"][0] |= {"name": "rank", "image": "train:1"}
    cluster.api.create({"apiVersion": "v1", "kind": "Pod", **asking})
    told = live.run("explain", "asking", f"--kubeconfig={kubeconfig}").stdout
    assert f"near each other: 75%: 1 node: {other}" in told
    assert f"near each other: 38%: 1 node: {one}" in told
    assert f"{UNKNOWN}: 2 nodes" in told
    for name in (one, other):
        cluster.api.delete(f"{NRT}/{name}")
