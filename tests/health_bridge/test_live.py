"""What proofs have to say over time, on the real Prometheus: grown soaks, domains, whole nodes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from health_bridge.decision import proofs
from health_bridge.decision.damping import MAX_TIMES
from health_bridge.decision.sight import Questions, Witness
from health_bridge.poll import Poll
from health_bridge.sources import Endpoint, Prometheus
from testbed.waiting import PATIENCE, wait_until
from tests.health_bridge.site import PROOFS, Site, bridge

pytestmark = pytest.mark.cluster

HEALTHY = (
    "max by ({by}) (min_over_time(test_leaf_healthy{{$selector}}[2s]) == 1 "
    "and count_over_time(test_leaf_healthy{{$selector}}[2s]) >= 4)"
)


def more(fault: str, condition: str, scope: str, identity: str, query: str) -> dict[str, Any]:
    return {
        "fault": fault,
        "condition": condition,
        "scope": scope,
        "verdict": "cordon",
        "identity": identity,
        "recovery": "none",
        "soak": "2s",
        "facilities": ["gpu/state"],
        "query": query,
    }


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The proofs file, with a domain's fault and the proof of whole nodes."""
    document = yaml.safe_load(PROOFS.read_text(encoding="utf-8"))
    whole = (
        "max by (node) (min_over_time(test_gpu_healthy{$selector}[2s]) == 1 "
        "and count_over_time(test_gpu_healthy{$selector}[2s]) >= 4)"
    )
    document["faults"] += [
        more("LeafDown", "FabricFault", "domain", "domain", HEALTHY.format(by="domain")),
        more("AcceleratorsUnverified", "AcceleratorsUnverified", "node", "", whole),
    ]
    path = tmp_path_factory.mktemp("proofs") / "proofs.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@pytest.fixture
def poll(site: Site, wider: Path) -> Iterator[Poll]:
    source = Prometheus(Endpoint(site.prometheus.url, PATIENCE))
    asking = Poll([], [source], proofs.load(str(wider)), cluster="", timeout=PATIENCE)
    yield asking
    asking.close()


def proven(poll: Poll, *asked: tuple[tuple[str, int], str]) -> frozenset[tuple[str, str, str, int]]:
    questions = Questions(proofs={question: frozenset({name}) for question, name in asked})
    seen = poll.proofs(poll.alerts(), questions)
    assert not seen.errors
    (witness,) = seen.sight.witnesses.values()
    assert isinstance(witness, Witness)
    return witness.proven


def test_a_grown_soak_is_proven_later_than_a_plain_one(site: Site, poll: Poll) -> None:
    site.nodes("soak")
    site.exporters.drop_link("soak")
    broken = 'test_link_healthy{node="soak"} == 0'
    wait_until(lambda: site.prometheus.query(broken))
    one, two, most = ((("RdmaLinkDown", soaks), "soak") for soaks in (1, 2, MAX_TIMES))
    site.exporters.heal("soak")

    wait_until(lambda: proven(poll, one))
    still_missing = proven(poll, most)
    later = wait_until(lambda: proven(poll, two))

    assert still_missing == frozenset()
    assert later == {("RdmaLinkDown", "soak", "guid-soak", 2)}


def test_a_domain_is_asked_for_by_its_own_label(site: Site, poll: Poll) -> None:
    site.exporters.set("test_leaf_healthy", "switchboard", 1, domain="leaf-1")
    site.exporters.set("test_leaf_healthy", "switchboard", 0, domain="leaf-2")
    asked = [(("LeafDown", 1), "leaf-1"), (("LeafDown", 1), "leaf-2")]

    first = wait_until(lambda: proven(poll, asked[0]))

    assert first == {("LeafDown", "", "domain:leaf-1", 1)}
    assert proven(poll, asked[1]) == frozenset()


def test_a_new_node_is_tainted_until_it_is_proven_whole(site: Site, wider: Path) -> None:
    site.nodes("whole-0")
    boot(site, "whole-0", "boot-1")

    with bridge(site, "whole-0", "--verify-nodes", f"--proofs.file={wider}"):
        site.await_status("whole-0", "False", "AcceleratorsUnverified")
        adopted = site.our_taints("whole-0")
        time.sleep(1.1)  # a node is new by whole seconds
        site.exporters.start("whole-1")
        site.exporters.lose_gpu("whole-1")
        site.cluster.add_nodes(["whole-1"], labels={"test": "whole-0"})
        boot(site, "whole-1", "boot-1")
        site.await_status("whole-1", "True", "AcceleratorsUnverified")
        site.exporters.heal("whole-1")
        site.exporters.reboot("whole-1")
        site.await_status("whole-1", "False", "AcceleratorsUnverified")
        wait_until(lambda: not site.our_taints("whole-1"))

    assert adopted == []
    assert site.annotation("whole-0", "verified-boot") == "boot-1"
    assert site.annotation("whole-1", "verified-boot") == "boot-1"


def boot(site: Site, name: str, boot_id: str) -> None:
    """Let a node's kubelet report a boot."""
    path = f"/api/v1/nodes/{name}/status"
    site.cluster.api.merge(path, {"status": {"nodeInfo": {"bootID": boot_id}}})
