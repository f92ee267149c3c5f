"""Names of what recording rules make of the exporters' series; alerts and proofs read them.

`railwatch:observed` stands in `labels`. Each leaves out what is not observed, so that the last
words of a dead exporter count nowhere.
"""

CLOCK_RATIO = "railwatch:gpu_clock:peer_ratio"
"""A busy GPU's SM clock by the median of its peers; peers are the GPUs of the same workload."""

TENSOR_RATIO = "railwatch:gpu_tensor_active:peer_ratio"
"""The same of the share of time in which the tensor cores worked."""

CORRECTED_NORMAL = "railwatch:gpu_ecc_corrected:fleet_p99"
"""Corrected memory errors an hour that only one GPU in a hundred has more of."""

DOMAIN_PORTS = "railwatch:domain_ports:count"
"""Ports behind a leaf whose state is known."""
DOMAIN_NODES_DOWN = "railwatch:domain_nodes_down:count"
"""Nodes of which a port behind the leaf is not active."""
DOMAIN_ACTIVE = "railwatch:domain_ports_active:ratio"
"""Share of the leaf's known ports that are active."""

LINE_ANSWERING = "railwatch:line_probes_answered:ratio"
"""Share of the line's probes, of all nodes and peers, whose last one was answered."""
LINE_LOSS = "railwatch:line_probe_loss:ratio"
"""Mean loss of the last minute's probes over all nodes and peers."""
LINE_ROUND_TRIP = "railwatch:line_round_trip:seconds"
"""Median over all nodes and peers of the median round trip."""
LINE_USED = "railwatch:line_used:ratio"
"""Traffic of all the line's interfaces by its capacity, in the direction that is fuller."""

COMPARED = (
    CLOCK_RATIO,
    TENSOR_RATIO,
    CORRECTED_NORMAL,
    DOMAIN_PORTS,
    DOMAIN_NODES_DOWN,
    DOMAIN_ACTIVE,
    LINE_ANSWERING,
    LINE_LOSS,
    LINE_ROUND_TRIP,
    LINE_USED,
)
