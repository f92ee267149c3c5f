"""Where one dashboard leads to another: by uid, which never changes, never by title."""

from catalog.labels import CLUSTER, GPU, NODE

FLEET_UID = "railwatch-fleet"
NODE_UID = "railwatch-node"
GPU_UID = "railwatch-gpu"
WORKLOAD_UID = "railwatch-workload"
FABRIC_UID = "railwatch-fabric"
HEALTH_UID = "railwatch-health"
SCHEDULER_UID = "railwatch-scheduler"
STORAGE_UID = "railwatch-storage"
IMAGES_UID = "railwatch-images"
COMPONENTS_UID = "railwatch-components"
UPLINK_UID = "railwatch-uplink"
COST_UID = "railwatch-cost"
SERVING_UID = "railwatch-serving"
SELF_UID = "railwatch-self"

NAMESPACE, WORKLOAD = "namespace", "workload"

_CARRIED = f"${{datasource:queryparam}}&${{{CLUSTER}:queryparam}}&${{__url_time_range}}"
_CELL = "${__value.raw}"


def _to(uid: str, **chosen: str) -> str:
    """Return a link that takes data source, cluster and time range along, and chooses more."""
    return "&".join(
        (f"/d/{uid}?{_CARRIED}", *(f"var-{name}={value}" for name, value in chosen.items()))
    )


def _cell(column: str) -> str:
    return f"${{__data.fields.{column}}}"


def to_node() -> str:
    """Return the link of a cell that holds a node's name."""
    return _to(NODE_UID, **{NODE: _CELL})


def to_gpu(node: str = "Node") -> str:
    """Return the link of a cell that holds a GPU's index, beside a column with its node."""
    return _to(GPU_UID, **{NODE: _cell(node), GPU: _CELL})


def to_own_gpu() -> str:
    """Return the link of a cell that holds the index of a GPU of the dashboard's own node."""
    return f"/d/{GPU_UID}?{_CARRIED}&${{{NODE}:queryparam}}&var-{GPU}={_CELL}"


def to_namespace() -> str:
    """Return the link of a cell that holds a namespace."""
    return _to(WORKLOAD_UID, **{NAMESPACE: _CELL})
