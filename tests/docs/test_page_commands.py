"""The commands of the other pages, run as they stand there on a cluster that has what they name."""

import re
from collections.abc import Iterator
from functools import partial

import pytest

from health_bridge.decision.record import read_record
from testbed.api import Object
from testbed.servers import Cluster
from tests.docs.desk import Desk, commands, desk_at
from tests.docs.pages import ROOT, page, pages
from tests.health_bridge import worlds
from tests.health_bridge.test_replay import storm

BRIDGE, INSTALL, UPGRADE = "docs/bridge.md", "docs/install.md", "docs/upgrade.md"

ELSEWHERE = {
    "README.md": "test_commands.py runs it",
    "README.zh-CN.md": "has the README's blocks",
    "docs/quickstart.md": "test_commands.py runs it",
    "docs/zh/quickstart.md": "has the quick start's blocks",
    "docs/adding-a-fault.md": "test_adding_a_fault.py follows it",
    "docs/hardware.md": "wants a GPU: it is how the tests marked `gpu` are run",
}
"""Pages with sh blocks that are not run here, and why."""

VERIFIED = "railwatch.io/verified"
GONE = "http://old-prometheus:9090"
NODES = "/api/v1/nodes"
EXPORTER = "/apis/apps/v1/namespaces/railwatch/daemonsets/railwatch-exporter"
CONFIG = "/api/v1/namespaces/railwatch/configmaps/railwatch-bridge"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Of a cluster with one node, on which a bridge has found a lost GPU."""
    with desk_at(tmp_path_factory.mktemp("desk"), Cluster(controller_manager=True)) as desk:
        desk.cluster.apply(ROOT / "deploy" / "namespace.yaml")
        desk.cluster.api.apply([faulty_node()])
        desk.cluster.api.merge_by_key(f"{NODES}/gpu-17/status", {"status": faulty_node()["status"]})
        yield desk


def faulty_node() -> Object:
    """Return a node as a bridge leaves it that has asked a Prometheus which is gone by now."""
    lost = worlds.sight(worlds.lost_gpu("gpu-17"), nodes=["gpu-17"])
    (node,) = worlds.run([worlds.node("gpu-17", gpus=(8, 8), ready=True)], lost)
    made = worlds.document(node)
    owned = made["metadata"]["annotations"]["railwatch.io/owned"]
    made["metadata"]["annotations"]["railwatch.io/owned"] = owned.replace(worlds.SOURCE, GONE)
    del made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    del made["metadata"]["creationTimestamp"]
    return {"apiVersion": "v1", "kind": "Node", **made}


def annotations(desk: Desk) -> dict[str, str]:
    return dict(desk.cluster.node("gpu-17")["metadata"]["annotations"])


def sources(desk: Desk) -> tuple[str, ...]:
    return read_record(None, annotations(desk)["railwatch.io/owned"]).owned.sources


@pytest.mark.cluster
def test_the_commands_of_the_bridges_page_do_what_it_says(desk: Desk) -> None:
    storm(desk.root / "decisions.jsonl")
    assert sources(desk) == (GONE,)

    vouch, plan, forget, pause, resume, *replays = commands(BRIDGE)

    desk.run(vouch)
    assert re.fullmatch(r"\d{4}(-\d\d){2}T(\d\d:){2}\d\dZ", annotations(desk)[VERIFIED])
    assert "to forget on 1 node" in desk.run(plan)
    assert sources(desk) == (GONE,)
    assert f"{GONE}: forgotten on 1 node" in desk.run(forget)
    assert sources(desk) == ()
    desk.run(pause)
    assert desk.cluster.api.get(CONFIG)["data"] == {"pause": "true"}
    desk.run(resume)
    assert desk.cluster.api.get(CONFIG)["data"] == {"pause": "false"}
    assert [desk.run(each).count("differ") > 0 for each in replays] == [True] * 3


@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_what_was_installed_is_taken_out_without_a_trace(desk: Desk) -> None:
    """Both ways of installing, one over the other, then what the two pages say of the end."""
    *of_people, look = commands(UPGRADE)
    *install, stop, of_bridge, of_scheduler, uninstall, delete = commands(INSTALL)
    assert "railwatch.io/gpu-unavailable" in desk.run(look)

    for command in install:
        desk.run(command)
    installed = ours(desk)
    registry, queues = map(partial(templated, desk), page(INSTALL).blocks("yaml"))
    exporter = desk.cluster.api.get(EXPORTER)["spec"]["template"]["spec"]
    desk.run(stop)
    desk.run(of_bridge)
    desk.run(of_scheduler)
    desk.run(uninstall)
    desk.run(delete)

    assert {"clusterroles", "validatingadmissionpolicies"} <= installed
    assert "image: registry.example.com/gpu/railwatch-exporter:" in registry
    assert "mountPath: /etc/railwatch-queues" in queues
    assert exporter["runtimeClassName"] == "nvidia"
    assert ours(desk) == set()
    assert set(re.findall(r"[\w.]*railwatch.io/[\w-]+", desk.run(look))) == {VERIFIED}
    for command in of_people:
        desk.run(command)
    assert desk.run(look) == "nothing left\n"


def templated(desk: Desk, values: str) -> str:
    """Return what the chart makes of the values that a page shows."""
    (desk.root / "values.yaml").write_text(values, encoding="utf-8")
    return desk.run("helm template railwatch build/chart/railwatch --values values.yaml")


def ours(desk: Desk) -> set[str]:
    """Return the kinds of cluster-wide objects that bear our name."""
    kinds = {
        "rbac.authorization.k8s.io/v1": ("clusterroles", "clusterrolebindings"),
        "admissionregistration.k8s.io/v1": (
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
        ),
    }
    found = set()
    for version, plurals in kinds.items():
        for plural in plurals:
            for each in desk.cluster.api.get(f"/apis/{version}/{plural}")["items"]:
                if "railwatch" in each["metadata"]["name"]:
                    found.add(plural)
    return found


def test_every_page_with_commands_is_run_or_says_why_not() -> None:
    there = {each.name for each in pages() if each.blocks("sh")}

    assert there == {BRIDGE, INSTALL, UPGRADE, *ELSEWHERE}
