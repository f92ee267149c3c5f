"""What the real programs expose on simulated hardware and a real cluster: names and their labels.

Each program is run once, with a fault, a job or a queue where it says more then than when idle.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from catalog.wire import dump_devices
from exporters.registry import FAMILIES
from testbed.directories import private_directory
from testbed.http import Client
from testbed.ibsim import rails
from testbed.kubelet import SimulatedKubelet, gpu_pod
from testbed.ports import free_port
from testbed.processes import Process
from testbed.relay import line
from testbed.servers import Cluster, Scheduler
from testbed.tools import ensure
from testbed.waiting import wait_until
from tests.exporters.allocation.test_program import ID, WEB, Node
from tests.exporters.fabric import test_ibsim
from tests.exporters.running import EXPORTER, ROOT, Exporter, exporter, hardware
from tests.exporters.uplink import test_program
from tests.exporters.uplink.lines import write
from tests.health_bridge import site as bridges
from tests.scheduler_feedback import live
from tests.scheduler_feedback.objects import GPU_UNAVAILABLE, fault, taint

NOBODY = "--prometheus.url=http://127.0.0.1:1"
"""A source that does not answer."""

TIER = "topology.railwatch.io/tier-0"

Exposed = Mapping[str, set[str]]
"""The labels of a program's series, by their names."""


def exposed(text: str) -> Exposed:
    """Return what stands in an exposition; a name without series is not there."""
    found: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    return found


def settled(text: Callable[[], str], wanted: set[str]) -> Exposed:
    """Return what has been exposed once all that is wanted was, or after a while what was then.

    Not all of it need have been on one page: what is too old is left out for a moment.
    """
    seen: dict[str, set[str]] = defaultdict(set)

    def complete() -> bool:
        for name, labels in exposed(text()).items():
            seen[name] |= labels
        return wanted <= seen.keys()

    with suppress(TimeoutError):
        wait_until(complete, every=0.5)
    return seen


def of_exporter(wanted: set[str]) -> Exposed:
    """Run the exporter on a node of which a pod holds a GPU that has had an Xid."""
    with ExitStack() as stack:
        machine = stack.enter_context(hardware(gpus=2, ports=2))
        root = stack.enter_context(private_directory("node"))
        kubelet = stack.enter_context(SimulatedKubelet(root / "pod-resources"))
        node = Node(machine, kubelet, root)
        (root / "jobs").mkdir()
        kubelet.pods = [gpu_pod("web", machine.nvml.uuid(0))]
        node.pod_log("default", "web", WEB)
        node.container_log("default", "web", "main", ID)
        node.process(0, 100, 20 << 30, f"/kubepods/pod{WEB}/{ID}", utilization=40)
        program = stack.enter_context(exporter(machine, *node.flags()))
        machine.nvml.xid(0, 31)
        return settled(lambda: _page(program), wanted)


def of_uplink(wanted: set[str]) -> Exposed:
    """Run the exporter on a host with a line that is shaped, and probed to its far end."""
    with line(delay=0.001) as both, private_directory("uplink") as folder:
        shaped = "qdisc add dev line root handle 1: tbf rate 1mbit burst 5000 limit 9000"
        both.near.tc(*shaped.split())
        file = write(folder, test_program.configuration(folder, "1G"))
        off = [f"--no-collector.{f.name}" for f in FAMILIES if f.on and f.name != "node"]
        argv = [*EXPORTER, *off, "--collector.uplink", f"--uplink.config.file={file}"]
        argv += ["--interval=200ms", "--uplink.probe-interval=100ms"]
        with Process(both.near.command(*argv), name="exporter", cwd=ROOT) as process:
            program = test_program.Inside(process, both.near)
            process.await_ready(program.is_ready)
            return settled(lambda: _page(program), wanted)


def of_fabric() -> Exposed:
    """Let the collector see that a cable is pulled, two are crossed, and one has errors."""
    jacks = ("node-0-0 mlx5_0", 1), ("node-0-0 mlx5_3", 1)
    with test_ibsim.running(rails(hosts=4, indices=4, spines=2)) as fabric:
        watch = test_ibsim.Watch().settled()
        for jack in (("leaf-0-1", 3), *jacks):
            fabric.unlink(jack)
        fabric.link(jacks[0], ("leaf-0-3", 1))
        fabric.link(jacks[1], ("leaf-0-0", 1))
        fabric.count(("leaf-0-0", 2), "PortCounters.SymbolErrorCounter", 50)
        fabric.count(("leaf-0-0", 2), "PortCounters.LinkDownedCounter", 1)
        watch.look()
    return {each.metric.name: set(each.metric.labels) for each in watch.samples}


def of_bridge(site: bridges.Site, wanted: set[str]) -> Exposed:
    """Run the bridge on a node that has lost a GPU, and one whose lease ends."""
    site.nodes("lost", "leased")
    end = {"metadata": {"annotations": {"railwatch.io/lease-end": "2027-01-01T00:00:00Z"}}}
    site.cluster.api.merge("/api/v1/nodes/leased", end)
    site.exporters.lose_gpu("lost")
    with bridges.bridge(site, "lost", "--shadow", NOBODY) as program:
        return settled(lambda: program.get("/metrics").text, wanted)


def of_scheduler(site: bridges.Site, wanted: set[str]) -> Exposed:
    """Run the scheduler where a gang waits, a queue is used, and a node is to be drained."""
    cluster = site.cluster
    cluster.add_nodes(["room"], labels={TIER: "leaf-1"})
    cluster.add_nodes(["drained"], labels={TIER: "leaf-1"})
    told = {"railwatch.io/devices": dump_devices([fault("drain")])}
    drained = {
        "metadata": {"annotations": told},
        "spec": {"taints": [taint(GPU_UNAVAILABLE, "drain")]},
    }
    cluster.api.merge("/api/v1/nodes/drained", drained)
    for pod in (live.bare_pod("held", "any"), _rank()):
        cluster.api.create(pod)
    with private_directory("queues") as folder:
        file = folder / "queues.yaml"
        quota = {"resources": {"nvidia.com/gpu": {"guaranteed": 1, "limit": 1}}}
        file.write_text(yaml.safe_dump({"queues": {"default": quota}}), encoding="utf-8")
        flags = ("--drain", "--drain.interval=300ms", "--gangs.interval=300ms")
        queues = (f"--queues.file={file}", "--queues.reclaim", "--queues.interval=1s")
        with live.program(cluster.kubeconfig, *flags, *queues) as program:
            program.ask("filter", "drained", "room")
            program.ask("prioritize", "drained", "room")
            return settled(lambda: program.get("/metrics")[1], wanted)


def _rank() -> dict[str, Any]:
    pod = live.bare_pod("rank-0", "any")
    pod["metadata"]["labels"] = {"railwatch.io/gang": "train"}
    pod["metadata"]["annotations"] = {"railwatch.io/gang-size": "2"}
    pod["spec"]["schedulingGates"] = [{"name": "railwatch.io/gang"}]
    return pod


def of_kube_state_metrics(cluster: Cluster, wanted: set[str]) -> Exposed:
    """Run kube-state-metrics as its users do who read labels of pods and nodes, too."""
    cluster.add_nodes(["typed"], labels={"node.kubernetes.io/instance-type": "p5.48xlarge"})
    for owned in _owned():
        made = cluster.api.create(owned)
        if "containers" in owned["spec"]:
            path = f"/api/v1/namespaces/default/pods/{made['metadata']['name']}/status"
            cluster.api.merge(path, {"status": _PULLING})
    _end_jobs(cluster)
    port, own = free_port(), free_port()
    argv = [
        str(ensure("kube-state-metrics")["kube-state-metrics"]),
        f"--kubeconfig={cluster.kubeconfig}",
        *("--host=127.0.0.1", f"--port={port}"),
        *("--telemetry-host=127.0.0.1", f"--telemetry-port={own}"),
        "--metric-labels-allowlist=pods=[*],nodes=[*]",
    ]
    page = Client(f"http://127.0.0.1:{port}")
    with Process(argv, name="kube-state-metrics") as process:
        process.await_ready(lambda: page.is_ok("/metrics"))
        return settled(lambda: page.request("GET", "/metrics").text, wanted)


def _end_jobs(cluster: Cluster) -> None:
    """Let a Job be done and another fail, as their controller would say it."""
    begun = {"startTime": "2026-01-01T00:00:00Z"}
    over = {"completionTime": "2026-01-01T01:00:00Z", "succeeded": 1}
    for name, kinds, more in (
        ("done-loader-job", ("SuccessCriteriaMet", "Complete"), over),
        ("failed-loader-job", ("FailureTarget", "Failed"), {"failed": 1}),
    ):
        made = live.workload("Deployment", name, "any")
        template = {"spec": made["spec"]["template"]["spec"] | {"restartPolicy": "Never"}}
        made |= {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": template}}
        cluster.api.create(made)
        conditions = [{"type": kind, "status": "True"} for kind in kinds]
        path = f"/apis/batch/v1/namespaces/default/jobs/{name}/status"
        cluster.api.merge(path, {"status": {"conditions": conditions, **begun, **more}})


_PULLING = {
    "phase": "Pending",
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
    "containerStatuses": [
        {
            "name": "rank",
            "image": "train:1",
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff"}},
        }
    ],
}


def _owned() -> Iterator[dict[str, Any]]:
    """Yield what nobody controls here: a DaemonSet, a Deployment, its ReplicaSet, and a pod."""
    yield live.workload("DaemonSet", "plugin", "any")
    yield live.workload("Deployment", "web", "any")
    owner = {"apiVersion": "apps/v1", "uid": "u", "controller": True}
    replicas = live.workload("Deployment", "web-1", "any")
    replicas["kind"] = "ReplicaSet"
    replicas["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "web", **owner}]
    yield replicas
    pod = live.bare_pod("web-1-a", "any")
    pod["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web-1", **owner}]
    pod["metadata"]["labels"] |= {
        "jobset.sigs.k8s.io/jobset-name": "llama",
        "training.kubeflow.org/job-name": "detector",
    }
    yield pod


def of_kube_apiserver(cluster: Cluster, wanted: set[str]) -> Exposed:
    """Ask the kube-apiserver as one who has a client certificate."""
    page = Client(cluster.url, cluster.apiserver.admin).request("GET", "/metrics").text
    lines = (line for line in page.splitlines() if any(name in line for name in wanted))
    return exposed("\n".join([*lines, ""]))


def of_kube_scheduler(cluster: Cluster, wanted: set[str]) -> Exposed:
    """Run kube-scheduler with the gates of pod groups, and one of them for it to place."""
    for made in _pod_group():
        cluster.api.create(made)
    flags = (
        "--feature-gates=GenericWorkload=true,GangScheduling=true",
        "--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics",
    )
    with Scheduler(cluster.apiserver, flags=flags) as scheduler:
        page = Client(scheduler.url, cluster.apiserver.admin)
        return settled(lambda: page.request("GET", "/metrics").text, wanted)


def _pod_group() -> Iterator[dict[str, Any]]:
    yield {
        "apiVersion": "scheduling.k8s.io/v1alpha2",
        "kind": "PodGroup",
        "metadata": {"name": "gang", "namespace": "default"},
        "spec": {"schedulingPolicy": {"gang": {"minCount": 2}}},
    }
    for rank in range(2):
        pod = live.bare_pod(f"gang-{rank}", "any")
        group = {"podGroupName": "gang"}
        pod["spec"] |= {"schedulerName": "default-scheduler", "schedulingGroup": group}
        yield pod


def _page(program: Exporter) -> str:
    return program.get().body.decode()
