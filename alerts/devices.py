"""The kinds of thing that can be faulty, and how their series are told apart."""

from dataclasses import dataclass

from catalog import labels


def shown(label: str) -> str:
    """Return the template by which Prometheus writes a label's value into an annotation."""
    return f"{{{{ $labels.{label} }}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One kind of thing, on a node.

    `identity` is the label that is the device itself, empty where it is the node; `keys` are the
    labels, beside `node`, that join its metrics; `labels` are those that an alert about it
    carries; `title` is what people read. `samples` are two made-up ones for the unit tests.
    """

    identity: str
    keys: tuple[str, ...]
    labels: tuple[str, ...]
    title: str
    samples: tuple[dict[str, str], dict[str, str]]


NODE = Device(
    identity="",
    keys=(),
    labels=(labels.NODE,),
    title=f"Node {shown(labels.NODE)}",
    samples=({labels.NODE: "node-1"}, {labels.NODE: "node-2"}),
)
GPU = Device(
    identity=labels.UUID,
    keys=(labels.UUID,),
    labels=(labels.NODE, labels.GPU, labels.UUID),
    title=f"GPU {shown(labels.GPU)} of {shown(labels.NODE)}",
    samples=(
        {labels.NODE: "node-1", labels.GPU: "0", labels.UUID: "GPU-aaaa"},
        {labels.NODE: "node-1", labels.GPU: "1", labels.UUID: "GPU-bbbb"},
    ),
)
PORT = Device(
    identity=labels.GUID,
    keys=(labels.DEVICE, labels.PORT),
    labels=(labels.NODE, labels.GUID, labels.DEVICE, labels.PORT),
    title=f"RDMA port {shown(labels.DEVICE)}/{shown(labels.PORT)} of {shown(labels.NODE)}",
    samples=(
        {
            labels.NODE: "node-1",
            labels.DEVICE: "mlx5_0",
            labels.PORT: "1",
            labels.GUID: "0xa088c20300aaaa",
        },
        {
            labels.NODE: "node-1",
            labels.DEVICE: "mlx5_1",
            labels.PORT: "1",
            labels.GUID: "0xa088c20300bbbb",
        },
    ),
)
