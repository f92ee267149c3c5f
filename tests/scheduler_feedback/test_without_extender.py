"""What kube-scheduler does while the extender hangs or is gone."""

from collections.abc import Iterator

import pytest

from catalog.wire import dump_devices
from testbed.ports import free_port
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.objects import fault

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(kwok=True, controller_manager=True) as cluster:
        live.deploy_rbac(cluster)
        cluster.add_nodes(["gpu-0"], labels={"pool": "alone"})
        yield cluster


def test_without_the_preempt_verb_a_pod_is_killed_for_nothing(cluster: Cluster) -> None:
    cluster.add_nodes(["worn-0"], labels={"pool": "worn"})
    live.add_priorities(cluster, {"important": 1000})
    whole = dump_devices([fault("cordon", "applied", device="node")])
    cluster.api.create(live.bare_pod("victim", "worn"))
    with (
        live.program(cluster.kubeconfig_for(live.PROGRAM_USER)) as program,
        live.kube_scheduler(cluster, program.port, preemptVerb=""),
    ):
        live.await_places(cluster, "victim", ["worn-0"])
        note = {"metadata": {"annotations": {"railwatch.io/devices": whole}}}
        cluster.api.merge("/api/v1/nodes/worn-0", note)
        wait_until(lambda: program.ask("filter", "worn-0")["NodeNames"] == [])

        cluster.api.create(live.bare_pod("important", "worn", priority="important"))

        wait_until(lambda: live.pods(cluster, "victim") == [], what="the victim is killed")
        # the extender refuses the node that was made room on
        live.await_unschedulable(cluster, "important", "railwatch: GpuUnavailable")


def test_as_configured_pods_are_placed_without_it(cluster: Cluster) -> None:
    kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
    with (
        live.program(kubeconfig) as program,
        live.kube_scheduler(cluster, program.port, patient=False),
    ):
        program.process.pause()
        cluster.api.create(live.bare_pod("hung", "alone", gpus=1))
        live.await_places(cluster, "hung", ["gpu-0"])
        program.process.kill()
        cluster.api.create(live.bare_pod("gone", "alone", gpus=1))
        live.await_places(cluster, "gone", ["gpu-0"])


def test_with_ignorable_off_pods_wait_for_it_and_say_so(cluster: Cluster) -> None:
    kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
    port = free_port()
    with live.kube_scheduler(cluster, port, ignorable=False):
        cluster.api.create(live.bare_pod("waits", "alone", gpus=1))

        live.await_unschedulable(cluster, "waits", "connection refused")

        with live.program(kubeconfig, port=port):
            live.await_places(cluster, "waits", ["gpu-0"])


def test_without_the_extender_shares_wait_and_are_bound_when_it_is_back(cluster: Cluster) -> None:
    live.add_sharing_nodes(cluster, "away", "away-0")
    kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
    port = free_port()
    with live.kube_scheduler(cluster, port):
        cluster.api.create(live.sharing_pod("shared", "away", 500))
        live.await_unschedulable(cluster, "shared", "connection refused")
        assert not any(pod["spec"].get("nodeName") for pod in live.pods(cluster, "shared"))

        with live.program(kubeconfig, "--share", "--no-gangs", port=port):
            wait_until(lambda: live.places(cluster, "shared") == ["away-0"])
