"""What is installed runs as it is: rendered pods with their own rights close the loop.

Real controllers make the pods, the real scheduler places them, and testbed.pods starts them as the
objects say: flags, environment, service accounts' tokens, volumes, users. Then all of it goes
again, by the programs' own `release --all` under their own accounts, and leaves no trace.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from catalog.conditions import GPU_UNAVAILABLE
from catalog.faults import GPU_FELL_OFF_BUS
from catalog.wire import PREFIX
from testbed.api import read_objects
from testbed.demo.hosts import GPUS
from testbed.demo.looks import all_observed, condition, firing, running, tainted
from testbed.demo.site import CLUSTER
from testbed.waiting import until_true, wait_until
from tests.install.charts import DEPLOY, Chart, build, kustomized, said, sets, tool
from tests.install.installation import (
    APP,
    HOSTS,
    NAMESPACE,
    PODS,
    Installation,
    left_on_pods,
    marked,
    nodes,
    ready_for_installation,
)
from tests.install.test_live import everything
from tests.packages import needs

pytestmark = [
    pytest.mark.cluster, pytest.mark.netns, needs("iproute2"), pytest.mark.timeout(1200),
]  # fmt: skip

RANKS = 2
GPU = 3
OF_ROOT, OF_ALL = ("allocation", "pods"), ("gpu", "state")
"""What only the full exporter reads, and what the one of least privilege reads too."""
PROBES = {
    *((name, probe) for name in ("exporter", "bridge", "extender")
      for probe in ("readinessProbe", "livenessProbe")),
    ("kube-scheduler", "livenessProbe"),
}  # fmt: skip
ACTING = (
    "bridge.verdictMax=drain",
    f"bridge.cluster={CLUSTER}",
    "bridge.args={--interval=1s,--blind-grace=10s}",
    "scheduler.drain=true",
    "scheduler.publishTopology=true",
    "scheduler.rights=needed",
    "scheduler.args={--drain.interval=1s,--topology.interval=2s}",
    "exporter.args={--interval=2s}",
    "admission.acceleratorPods=true",
)
"""Everything that acts, at a pace that can be watched."""
WITHOUT_POLICIES = ("admission.acceleratorPods=false",)
"""As it must be before all is taken out."""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with ready_for_installation(tmp_path_factory.mktemp("loop")) as there:
        yield there


def test_the_chart_closes_the_loop_and_goes_without_a_trace(installation: Installation) -> None:
    site = installation.site
    chart = Chart(path=build(installation.folder, installation.folder / "render.toml"))
    helm: list[str | Path] = [
        *(tool("helm"), "--kubeconfig", site.cluster.kubeconfig, "-n", NAMESPACE),
    ]
    before, plain = everything(site.cluster.api), nodes(site)

    site.cluster.apply(DEPLOY / "namespace.yaml")
    said(*helm, "install", "railwatch", chart.path, *sets(ACTING))
    installation.settle(PODS)
    installation.see(lambda: all_observed(site))
    until_true(partial(read, installation, of_root=len(HOSTS)))
    node = break_under_a_gang(installation)
    repair(installation, node)
    said(*helm, "upgrade", "railwatch", chart.path, "--reuse-values", *sets(WITHOUT_POLICIES))
    installation.settle(PODS)
    probed, touched = installation.probed(), nodes(site)
    installation.stop()
    told = installation.release()
    left, released = left_on_pods(site), nodes(site)
    said(*helm, "uninstall", "railwatch", "--wait")
    installation.forget()

    assert probed == PROBES
    assert all(marked(touched[name]) for name in HOSTS)
    assert released == plain
    assert left == set()
    assert [f"released node {name}" for name in HOSTS] == told[0].splitlines()[-4:-1]
    until_true(lambda: same(everything(site.cluster.api), before))
    assert installation.refusals() == []
    assert installation.kubelet.codes
    assert {code for name, code in installation.kubelet.codes} == {0}


def test_the_base_runs_as_it_is_and_goes_without_a_trace(installation: Installation) -> None:
    site, api = installation.site, installation.site.cluster.api
    before, plain = everything(api), nodes(site)
    made = list(kustomized(DEPLOY).values())
    proofs = read_objects(installation.folder / "render" / "kubernetes" / "proofs.yaml")

    api.apply([*made, *proofs])
    installation.settle(PODS)
    installation.see(lambda: all_observed(site))
    touched = nodes(site)
    until_true(partial(read, installation, of_root=len(HOSTS)))
    least = kustomized(DEPLOY / "exporter" / "least-privilege")
    installation.replace("railwatch-exporter", least["DaemonSet", NAMESPACE, "railwatch-exporter"])
    until_true(partial(read, installation, of_root=0))
    installation.stop()
    installation.release()
    released = nodes(site)
    for item in reversed([*made, *proofs]):
        api.delete(f"{api.path(item)}?propagationPolicy=Background")
    installation.forget()

    assert all(marked(touched[name]) for name in HOSTS)
    assert not any(touched[name]["taints"] for name in HOSTS)
    assert released == plain
    until_true(lambda: same(everything(api), before))
    assert installation.refusals() == []


def read(installation: Installation, *, of_root: int) -> None:
    """Prometheus has every exporter, so many with all rights; they read what they are to read."""
    assert (installation.reading(*OF_ROOT), installation.reading(*OF_ALL)) == (of_root, len(HOSTS))
    assert installation.unread() == set()


def same(there: set[str], before: set[str]) -> None:
    assert there == before


def break_under_a_gang(installation: Installation) -> str:
    """Break a GPU under a running gang, and see the gang move; return the node's name."""
    site = installation.site
    site.view.start_job(APP, RANKS, gpus=GPUS)
    installation.see(lambda: running(site, APP, RANKS, set()))
    node = min(pod.node for pod in site.view.pods(APP))

    site.hosts[node].lose(GPU)

    installation.see(lambda: firing(site, GPU_FELL_OFF_BUS.name, node=node))
    installation.see(lambda: condition(site, node, GPU_UNAVAILABLE.type, "True"))
    installation.see(lambda: tainted(site, node))
    wait_until(lambda: not [pod for pod in site.view.pods(APP) if pod.node == node])
    installation.see(lambda: running(site, APP, RANKS, {node}))
    return node


def repair(installation: Installation, node: str) -> None:
    """Boot the node anew with all its GPUs, and see it come back by proof."""
    site = installation.site
    installation.kubelet.process("railwatch-exporter", node).kill()
    site.hosts[node].nvml.reboot()
    site.hosts[node].sysfs.reboot()
    site.cluster.set_boot_id(node, site.hosts[node].boot_id)

    installation.see(lambda: condition(site, node, GPU_UNAVAILABLE.type, "False"))
    wait_until(lambda: not site.view.taints(node, PREFIX), what="the taint goes")
