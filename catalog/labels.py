"""Labels that rules, routes, bridge and dashboards must spell alike."""

NODE = "node"
INSTANCE = "instance"
CLUSTER = "cluster"

SEVERITY = "severity"
FAULT = "fault"
CONDITION = "condition"
VERDICT = "verdict"
SCOPE = "scope"
DOMAIN = "domain"
LINE = "line"

UUID = "uuid"
GUID = "guid"
GPU = "gpu"
DEVICE = "device"
PORT = "port"

FAMILY = "family"
FACILITY = "facility"
COLLECTOR = (FAMILY, FACILITY)

NAMESPACE = "namespace"
POD = "pod"
WORKLOAD = "workload"
"""The pods that do one piece of work together; its ranks differ in their pods' number only."""

SEVERITIES = ("critical", "warning", "info")

EXPORTER_JOB = "railwatch-exporter"
"""Value of the label `job` that the rendered scrape configuration gives the exporters."""

BRIDGE_JOB = "railwatch-bridge"
SCHEDULER_JOB = "railwatch-scheduler"
"""The same of the bridge and of the scheduler."""

FABRIC_JOB = "railwatch-fabric"
"""The same of the exporters that look at a fabric as a whole; their series have no `node`."""

OBSERVED = "railwatch:observed"
"""Recording rule: 1 for each node, family and facility whose collector succeeds and is fresh."""
