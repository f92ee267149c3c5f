"""What kube-scheduler does while the extender hangs or is gone."""

from collections.abc import Iterator

import pytest

from testbed.servers import Cluster
from tests.scheduler_feedback import live

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(kwok=True, controller_manager=True) as cluster:
        live.deploy_rbac(cluster)
        cluster.add_nodes(["gpu-0"], labels={"pool": "alone"})
        yield cluster


def test_as_configured_pods_are_placed_without_it(cluster: Cluster) -> None:
    kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
    with (
        live.program(kubeconfig) as program,
        live.kube_scheduler(cluster, program.port),
    ):
        program.process.pause()
        cluster.api.create(live.bare_pod("hung", "alone", gpus=1))
        live.await_places(cluster, "hung", ["gpu-0"])
        program.process.kill()
        cluster.api.create(live.bare_pod("gone", "alone", gpus=1))
        live.await_places(cluster, "gone", ["gpu-0"])


def test_with_ignorable_off_pods_wait_for_it_and_say_so(cluster: Cluster) -> None:
    kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
    with live.program(kubeconfig) as program:
        port = program.port
    with live.kube_scheduler(cluster, port, ignorable=False):
        cluster.api.create(live.bare_pod("waits", "alone", gpus=1))

        assert "connection refused" in live.unschedulable(cluster, "waits")

        with live.program(kubeconfig, port=port):
            live.await_places(cluster, "waits", ["gpu-0"])
