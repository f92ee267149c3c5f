"""What the neighbours would tell of the same story; each metric's source is in the catalogue."""

from collections.abc import Iterator

from catalog import neighbours as around
from catalog import neighbours_jobs as jobs
from catalog import neighbours_shown as shown
from catalog.neighbours_nodes import JOB_FAILED
from testbed.showcase.devices import GPUS, JOBS, NODES, is_lost, job_of
from testbed.showcase.samples import Sample, after, grown, histogram, sample, wave

_LABELS = {
    "JobSet": "label_jobset_sigs_k8s_io_jobset_name",
    "TrainingJob": "label_training_kubeflow_org_job_name",
}
_OWNERS = {"JobSet": "Job", "TrainingJob": "PyTorchJob", "Deployment": "ReplicaSet"}
_TYPES = ("p5.48xlarge", "8xh100.onprem")


def samples(at: float) -> Iterator[Sample]:
    """Yield everything of the neighbours."""
    yield from _pods(at)
    yield from _nodes(at)
    yield from _components(at)
    for node in NODES[:3]:
        yield from _kubelet(node, at)
        yield from _images(node, at)
    for node in NODES[:8]:
        yield from _juicefs(node, at)
    yield from _fluid(at)
    yield from _loads(at)
    yield from _alluxio(at)


def _pods(at: float) -> Iterator[Sample]:
    for job in JOBS:
        for node in job.nodes:
            if job_of(node, 0, at) != job:
                continue
            pod = {"namespace": job.namespace, "pod": job.pod(node), "uid": job.pod(node)}
            if label := _LABELS.get(job.kind):
                yield sample(around.POD_LABELS, 1, **pod, **{label: job.name})
            kind = _OWNERS.get(job.kind, job.kind)
            name = f"{job.name}-7d9f" if kind == "ReplicaSet" else job.name
            owner = {"owner_kind": kind, "owner_name": name, "owner_is_controller": "true"}
            yield sample(around.POD_OWNER, 1, **pod, **owner)
        if job.kind == "Deployment":
            owner = {"owner_kind": "Deployment", "owner_name": job.name}
            own = {"namespace": job.namespace, "replicaset": f"{job.name}-7d9f"}
            yield sample(around.REPLICASET_OWNER, 1, **own, **owner, owner_is_controller="true")


def _nodes(at: float) -> Iterator[Sample]:
    for number, node in enumerate(NODES):
        kind = _TYPES[number < 10]  # noqa: PLR2004 - the last two stand in the cloud
        yield sample(around.NODE_LABELS, 1, node=node, label_node_kubernetes_io_instance_type=kind)
        lost = sum(is_lost(node, gpu, at) for gpu in range(GPUS))
        devices = {"nvidia_com_gpu": GPUS - lost, "rdma_hca": 8}
        for resource, count in devices.items():
            yield sample(around.ALLOCATABLE, count, node=node, resource=resource, unit="integer")
        yield sample(around.CALICO_ENDPOINTS, 14, node=node)
        failed = grown("felix", at, 0.01) if node == "gpu-07" else 0
        yield sample(around.CALICO_FAILURES, failed, node=node)


def _components(at: float) -> Iterator[Sample]:
    for namespace, name, image in (
        ("gpu-operator", "nvidia-device-plugin-daemonset", "k8s-device-plugin:v0.18.0"),
        ("network", "rdma-shared-dp-ds", "k8s-rdma-shared-dev-plugin:v1.5.3"),
        ("kube-system", "calico-node", "calico/node:v3.31.0"),
        ("juicefs", "juicefs-csi-node", "juicefs-csi-driver:v0.31.0"),
        ("railwatch", "railwatch-exporter", "railwatch:0.9.0"),
    ):
        at_set = {"namespace": namespace, "daemonset": name}
        ready = 12 - ("exporter" in name and after(at, 7))
        yield sample(around.DAEMONSET_DESIRED, 12, **at_set)
        yield sample(around.DAEMONSET_READY, float(ready), **at_set)
        yield sample(around.DAEMONSET_UPDATED, 12, **at_set)
        for number in range(len(NODES)):
            pod = {"namespace": namespace, "pod": f"{name}-{number}", "uid": f"{name}{number}"}
            yield sample(around.CONTAINER_INFO, 1, **pod, container=name, image=image)
            last = number == len(NODES) - 1
            again = float("exporter" in name and last and after(at, 7.5))
            yield sample(around.RESTARTS, again, **pod, container=name)
    for namespace, name in (("gpu-operator", "gpu-operator"), ("railwatch", "railwatch-bridge")):
        at_set = {"namespace": namespace, "deployment": name}
        yield sample(around.DEPLOYMENT_REPLICAS, 2, **at_set)
        yield sample(around.DEPLOYMENT_AVAILABLE, 2, **at_set)
    if after(at, 2, 2.4) or after(at, 5):
        pod = {"namespace": "vision", "pod": "detector-x", "uid": "x", "container": "main"}
        yield sample(around.WAITING, 1, **pod, reason="ImagePullBackOff")


def _kubelet(node: str, at: float) -> Iterator[Sample]:
    me = {"node": node}
    for resource in ("nvidia.com/gpu", "rdma/hca"):
        yield sample(around.PLUGIN_REGISTRATIONS, 1, **me, resource_name=resource)
        yield from histogram(
            around.PLUGIN_ALLOCATION, at, typical=0.02, a_second=0.01, **me, resource_name=resource
        )
    for size, typical in (("0-10MB", 0.6), ("1GB-5GB", 25.0), ("10GB-20GB", 110.0)):
        yield from histogram(
            around.IMAGE_PULL, at, typical=typical, a_second=0.01, **me, image_size_in_bytes=size
        )
    yield from histogram(around.POD_START, at, typical=9.0, a_second=0.02, **me)
    for code, rate in (("OK", 0.02), ("DeadlineExceeded", 0.001)):
        call = {"driver_name": "csi.juicefs.com", "grpc_status_code": code}
        publish = call | {"method_name": "/csi.v1.Node/NodePublishVolume"}
        yield from histogram(
            around.CSI_OPERATIONS, at, typical=1.1, a_second=rate, **me, **publish, migrated="false"
        )
        create = call | {"method_name": "/csi.v1.Controller/CreateVolume"}
        yield from histogram(around.CSI_SIDECAR, at, typical=0.4, a_second=rate, **me, **create)


def _images(node: str, at: float) -> Iterator[Sample]:
    me = {"node": node}
    task = {"type": "standard", "tag": "", "app": "", "priority": "0"}
    yield sample(around.DRAGONFLY_TASKS, round(grown(f"tasks{node}", at, 0.5)), **me, **task)
    yield sample(around.DRAGONFLY_FAILURES, round(grown(f"bad{node}", at, 0.004)), **me, **task)
    for kind, rate in (("REMOTE_PEER", 4e8), ("BACK_TO_SOURCE", 6e7), ("LOCAL_PEER", 9e7)):
        flow = grown(kind + node, at, rate)
        yield sample(around.DRAGONFLY_TRAFFIC, flow, **me, type=kind, task_type="standard")
    failed = round(grown(f"origin{node}", at, 0.002))
    backend = {"scheme": "https", "method": "get"}
    yield sample(around.DRAGONFLY_SOURCE_FAILURES, failed, **me, **backend)
    asked = round(grown(f"asked{node}", at, 0.1))
    yield sample(jobs.DRAGONFLY_SOURCE_REQUESTS, asked, **me, **backend)
    yield sample(around.DRAGONFLY_DISK, wave(f"disk{node}", at, 3e11, 6e11), **me)
    read = grown(f"nydus{node}", at, 3e7)
    yield sample(around.NYDUS_READ, read, **me, image_ref="registry/llm-train:v12")
    yield sample(around.NYDUS_ERRORS, 0, **me, image_ref="registry/llm-train:v12")
    yield sample(around.NYDUS_HUNG, 0, **me)
    yield sample(around.NYDUS_EVENTS, round(grown("nydusd", at, 0.001)), **me, nydusd_event="START")
    yield sample(around.NYDUS_CACHE, wave(f"cache{node}", at, 2e7, 6e7), **me)
    for operation in ("prepare", "mount"):
        labels = me | {"snapshot_operation": operation}
        yield from histogram(around.NYDUS_SNAPSHOTS, at, typical=60.0, a_second=0.05, **labels)


def _juicefs(node: str, at: float) -> Iterator[Sample]:
    me = {"node": node, "vol_name": "datasets", "mp": "/jfs"}
    for metric, rate, missing in (
        (around.JUICEFS_HITS, 850.0, 500.0),
        (around.JUICEFS_MISSES, 50.0, 400.0),
        (around.JUICEFS_HIT_BYTES, 3.6e9, 2.1e9),
        (around.JUICEFS_MISS_BYTES, 2e8, 1.7e9),
    ):
        yield sample(metric, grown(f"jfs{node}", at, rate, (6.0, 6.8, missing)), **me)
    yield sample(around.JUICEFS_EVICTS, grown(f"out{node}", at, 12), **me)
    yield sample(around.JUICEFS_STAGING, round(wave(f"staging{node}", at, 0, 40)), **me)
    yield sample(around.JUICEFS_OBJECT_ERRORS, round(grown(f"s3{node}", at, 0.01)), **me)
    yield from histogram(around.JUICEFS_TRANSACTIONS, at, typical=0.003, a_second=40, **me)
    yield from histogram(jobs.JUICEFS_REQUESTS, at, typical=0.05, a_second=20, **me, method="GET")


def _fluid(at: float) -> Iterator[Sample]:
    for dataset, size in (("research/pile", 6.2e12), ("vision/imagenet", 1.6e11)):
        yield sample(around.FLUID_SIZE, size, dataset=dataset)
        runtime = {"runtime_type": "juicefs", "runtime": dataset}
        yield sample(around.FLUID_SETUP_ERRORS, 0, **runtime)
        unwell = round(grown(dataset, at, 0.0005))
        yield sample(around.FLUID_HEALTH_ERRORS, unwell, **runtime)


def _loads(at: float) -> Iterator[Sample]:
    """Yield the Jobs that load data: one has ended, one fails in the fifth hour, one runs on."""
    failed, done = {"condition": "true"} if after(at, 5) else None, {"condition": "true"}
    for dataset, running, metric, said in (
        ("pile", 0, shown.JOB_COMPLETE, done),
        ("imagenet", 1 - after(at, 5), JOB_FAILED, failed),
        ("laion", 1, JOB_FAILED, None),
    ):
        me = {"namespace": "research", "job_name": f"{dataset}-loader-job"}
        yield sample(shown.JOB_ACTIVE, float(running), **me)
        if said:
            yield sample(metric, 1, **me, **said)


def _alluxio(at: float) -> Iterator[Sample]:
    me = {"namespace": "vision"}
    held = 2.2e11
    yield sample(jobs.ALLUXIO_TOTAL, held, **me)
    yield sample(jobs.ALLUXIO_USED, held * min(0.99, 0.4 + at / 50_000), **me)
    yield sample(shown.ALLUXIO_WORKERS, 4.0 - after(at, 6.5, 7), **me)
    for metric, rate in (
        (shown.ALLUXIO_LOCAL, 1.4e9),
        (shown.ALLUXIO_REMOTE, 5e8),
        (shown.ALLUXIO_SOURCE, 1.2e8),
    ):
        yield sample(metric, grown(metric.name, at, rate), **me)
