"""The kinds of thing that can be faulty, and how their series are told apart."""

from dataclasses import dataclass

from catalog import labels
from catalog.labels import EXPORTER_JOB

Place = dict[str, str]
"""The labels that series of one thing carry."""


def shown(label: str) -> str:
    """Return the template by which Prometheus writes a label's value into an annotation."""
    return f"{{{{ $labels.{label} }}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One kind of thing that may be faulty.

    `identity` is the label that is the device itself, empty where it is the node; `keys` are the
    labels, beside `node`, that join its metrics; `labels` are those that an alert about it
    carries; `title` is what people read. The rest are made-up ones for the unit tests.
    """

    identity: str
    keys: tuple[str, ...]
    labels: tuple[str, ...]
    title: str
    job: str = EXPORTER_JOB
    """The scrape job that tells of it."""
    samples: tuple[Place, Place]
    replacement: Place | None = None
    """What takes the first sample's place when it is replaced; None: it is not a thing for that."""
    members: tuple[tuple[Place, ...], tuple[Place, ...]] | None = None
    """What each sample is made of, where its series are those of narrower things."""
    peers: tuple[Place, ...] = ()
    """More of the same that are there and always well."""

    @property
    def is_wide(self) -> bool:
        """Whether it is a place of many nodes: a domain or a line."""
        return self.identity in (labels.DOMAIN, labels.LINE)

    @property
    def joins(self) -> tuple[str, ...]:
        """The labels that join the series of one such thing."""
        return (self.identity,) if self.is_wide else (labels.NODE, *self.keys)

    @property
    def kept(self) -> tuple[str, ...]:
        """The labels by which a proof names it."""
        if self.is_wide:
            return (self.identity,)
        return (labels.NODE, self.identity) if self.identity else (labels.NODE,)

    def places(self, which: int) -> tuple[Place, ...]:
        """Return the labels of the series of the first or second sample."""
        return self.members[which] if self.members else (self.samples[which],)


def _at_line(line: str, node: str, peer: str) -> Place:
    return {
        labels.NODE: f"node-{node}",
        labels.LINE: line,
        "peer": f"gateway-{peer}",
        "kind": "tcp",
        "interface": "bond0",
    }


def _behind_leaf(leaf: str, rail: str, node: str) -> Place:
    return {
        labels.NODE: f"node-{node}",
        labels.DEVICE: f"mlx5_{rail}",
        labels.PORT: "1",
        labels.GUID: f"0x{rail}{node}",
        "leaf": leaf,
        "rail": rail,
    }


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
    replacement={labels.NODE: "node-1", labels.GPU: "0", labels.UUID: "GPU-cccc"},
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
    replacement={
        labels.NODE: "node-1",
        labels.DEVICE: "mlx5_0",
        labels.PORT: "1",
        labels.GUID: "0xa088c20300cccc",
    },
)
COLLECTOR = Device(
    identity="",
    keys=labels.COLLECTOR,
    labels=(labels.NODE, *labels.COLLECTOR),
    title=f"{shown(labels.FAMILY)}/{shown(labels.FACILITY)} of {shown(labels.NODE)}",
    samples=(
        {labels.NODE: "node-1", labels.FAMILY: "gpu", labels.FACILITY: "ecc"},
        {labels.NODE: "node-1", labels.FAMILY: "gpu", labels.FACILITY: "state"},
    ),
)
LINE = Device(
    identity=labels.LINE,
    keys=(),
    labels=(labels.LINE,),
    title=f"Line {shown(labels.LINE)}",
    samples=({labels.LINE: "dc1-cloud"}, {labels.LINE: "dc2-cloud"}),
    members=(
        tuple(_at_line("dc1-cloud", node, peer) for node in "12" for peer in "ab"),
        tuple(_at_line("dc2-cloud", node, peer) for node in "34" for peer in "ab"),
    ),
)
DOMAIN = Device(
    identity=labels.DOMAIN,
    keys=(),
    labels=(labels.DOMAIN,),
    title=f"Domain {shown(labels.DOMAIN)}",
    samples=({labels.DOMAIN: "leaf-1"}, {labels.DOMAIN: "leaf-2"}),
    members=(
        tuple(_behind_leaf("leaf-1", "1", node) for node in "12345"),
        tuple(_behind_leaf("leaf-2", "2", node) for node in "12345"),
    ),
)
FLEET = Device(identity="", keys=(), labels=(), title="The fleet", samples=({}, {}))
BRIDGE = Device(
    identity="",
    keys=(),
    labels=(),
    title="The bridge",
    job=labels.BRIDGE_JOB,
    samples=({}, {}),
)
SCHEDULER = Device(
    identity="",
    keys=(),
    labels=(),
    title="The scheduler",
    job=labels.SCHEDULER_JOB,
    samples=({}, {}),
)


def rank(number: int) -> Place:
    """Return a GPU on a node of its own, with the pod of this rank of one training job."""
    return {
        labels.NODE: f"node-{number}",
        labels.GPU: "0",
        labels.UUID: f"GPU-{number}",
        labels.NAMESPACE: "team-a",
        labels.POD: f"train-worker-{number}",
    }


RANK = Device(
    identity=labels.UUID,
    keys=(labels.UUID,),
    labels=GPU.labels,
    title=GPU.title,
    samples=(rank(1), rank(2)),
    peers=tuple(rank(number) for number in range(3, 6)),
)
"""A GPU that is compared with those of the same workload."""
