"""Metrics of the topology publisher, and its words."""

from catalog.metrics import Metric, counter, gauge

SOURCES = ("fabric", "lldp", "foreign", "declared")
"""Whence a node's tiers are: the fabric's own document; the switch that LLDP names; labels of
topograph or `network.topology.nvidia.com`; labels under our own prefix that somebody else set."""
FABRIC, LLDP, FOREIGN, DECLARED = SOURCES

UNPLACED = (
    "unread",
    "unreachable",
    "malformed",
    "no_rails",
    "no_leaf",
    "miscabled",
    "contradictory",
)
"""unread: not asked yet; unreachable: its exporter has not answered for longer than the grace;
malformed: it answers with something else than a topology; no_rails: no compute port is known;
no_leaf: no fabric and no neighbour tells the leaf of one; miscabled: a port is on another leaf than
it should be; contradictory: what is told of it and of other nodes cannot all be so."""
UNREAD, UNREACHABLE, MALFORMED, NO_RAILS, NO_LEAF, MISCABLED, CONTRADICTORY = UNPLACED

CONFLICTS = ("node", "foreign_object", "foreign_hypernodes", "overwritten", "too_long")
"""node: a node without tiers as it is miscabled or contradictory; foreign_object: an object of a
name of ours is somebody else's; foreign_hypernodes: another source keeps HyperNodes;
overwritten: whoever publishes a NodeResourceTopology takes our attributes off again; too_long: the
rails of a node do not fit their annotation."""
ON_NODE, FOREIGN_OBJECT, FOREIGN_HYPERNODES, OVERWRITTEN, TOO_LONG = CONFLICTS

KINDS = ("Node", "Topology", "HyperNode", "NodeResourceTopology")
"""The kinds of objects that are written."""
NODE, TOPOLOGY, HYPERNODE, RESOURCE_TOPOLOGY = KINDS

FETCH_RESULTS = ("read", "unchanged", "unreachable", "malformed", "incomplete")
"""incomplete: of a fabric in which some nodes did not answer, which proves no link's absence."""
READ, UNCHANGED, UNREACHED, MALFORMED_DOCUMENT, INCOMPLETE = FETCH_RESULTS

WRITE_RESULTS = ("written", "deleted", "conflicted", "failed")
"""conflicted: changed or gone meanwhile, and tried again; failed: refused, or no answer."""
WRITTEN, DELETED, CONFLICTED, FAILED = WRITE_RESULTS

NODES_PUBLISHED = gauge(
    "railwatch_scheduler_topology_nodes",
    "Nodes with tiers, by whence they are; only the leader that publishes counts.",
    labels=("source",),
    source="topology publisher",
)
NODES_UNPLACED = gauge(
    "railwatch_scheduler_topology_unplaced_nodes",
    "Nodes whose tiers are not known, by why; only the leader that publishes counts.",
    labels=("reason",),
    source="topology publisher",
)
NODES_KEPT = gauge(
    "railwatch_scheduler_topology_kept_nodes",
    "Nodes that keep their last labels as nothing can be read of them now, for the grace.",
    source="topology publisher",
)
CONFLICTS_FOUND = gauge(
    "railwatch_scheduler_topology_conflicts",
    "What keeps something from being published, by its kind.",
    labels=("reason",),
    source="topology publisher",
)
LAST_SUCCESS = gauge(
    "railwatch_scheduler_topology_last_success_timestamp_seconds",
    "When the last round ended in which everything was written that was to be.",
    unit="seconds",
    source="topology publisher",
)
FETCHES = counter(
    "railwatch_scheduler_topology_fetches_total",
    "Documents asked for, by whose they are (exporter or fabric) and how it ended.",
    labels=("document", "result"),
    source="topology publisher",
)
WRITES = counter(
    "railwatch_scheduler_topology_writes_total",
    "Objects that the publisher wrote or deleted, by kind and how it ended.",
    labels=("kind", "result"),
    source="topology publisher",
)

DOCUMENTS = ("exporter", "fabric")

METRICS: tuple[Metric, ...] = (
    NODES_PUBLISHED,
    NODES_UNPLACED,
    NODES_KEPT,
    CONFLICTS_FOUND,
    LAST_SUCCESS,
    FETCHES,
    WRITES,
)
