"""Which workload a pod with GPUs belongs to: what people started, not what it became.

A framework's own label says it best; without one, the pod's owners are followed upwards. The labels
come from kube-state-metrics, which must be told to show them:
--metric-labels-allowlist=pods=[…],nodes=[node.kubernetes.io/instance-type].
"""

from collections.abc import Iterator

from alerts.recorded.model import RecordingSettings, Rule
from catalog import fleet as recorded
from catalog import neighbours
from catalog.gpu_allocation import GPU_ALLOCATION

POD_LABELS = {
    "label_jobset_sigs_k8s_io_jobset_name": "JobSet",
    "label_training_kubeflow_org_job_name": "TrainingJob",
    "label_volcano_sh_job_name": "VolcanoJob",
    "label_ray_io_cluster": "RayCluster",
    "label_leaderworkerset_sigs_k8s_io_name": "LeaderWorkerSet",
}
"""As kube-state-metrics writes the labels of Kubeflow Trainer's and others' JobSets, Kubeflow's
training operator, Volcano, KubeRay and LeaderWorkerSet; the first that a pod has counts."""

_FOUND = ("namespace", "pod", "workload", "workload_kind")


def rules(settings: RecordingSettings) -> Iterator[Rule]:
    """Yield the one rule."""
    pod = settings.by("namespace", "pod")
    ways = f"\n  or on {pod}\n    ".join(_ways(settings))
    yield Rule(
        metric=recorded.POD_WORKLOAD,
        expr=f"max by {settings.by(*_FOUND)} (\n    {ways}\n)\nand on {pod} {GPU_ALLOCATION.name}",
    )


def _ways(settings: RecordingSettings) -> Iterator[str]:
    """Yield vectors with labels workload and workload_kind, the most telling first."""
    for label, kind in POD_LABELS.items():
        named = f'{neighbours.POD_LABELS.name}{{{label}!=""}}'
        yield _copied(named, label, f'"{kind}", "", ""')
    for metric, kind, name in (
        (neighbours.REPLICASET_OWNER, "ReplicaSet", "replicaset"),
        (neighbours.JOB_OWNER, "Job", "job_name"),
    ):
        yield _grandparent(settings, metric.name, kind, name)
    owner = neighbours.POD_OWNER.name
    yield _copied(f'{owner}{{owner_is_controller="true"}}', "owner_name", _OWNER_KIND)
    yield _copied(owner, "pod", '"Pod", "", ""')


_OWNER_KIND = '"$1", "owner_kind", "(.+)"'


def _copied(series: str, label: str, kind: str) -> str:
    named = f'label_replace({series}, "workload", "$1", "{label}", "(.+)")'
    return f'label_replace({named}, "workload_kind", {kind})'


def _grandparent(settings: RecordingSettings, metric: str, kind: str, name: str) -> str:
    """Return the owner of the ReplicaSet or Job that owns the pod."""
    pods = f'{neighbours.POD_OWNER.name}{{owner_kind="{kind}",owner_is_controller="true"}}'
    above = _copied(f'{metric}{{owner_is_controller="true"}}', "owner_name", _OWNER_KIND)
    return (
        f'label_replace({pods}, "{name}", "$1", "owner_name", "(.+)") '
        f"* on {settings.by('namespace', name)} group_left (workload, workload_kind) "
        f"max by {settings.by('namespace', name, 'workload', 'workload_kind')} ({above})"
    )
