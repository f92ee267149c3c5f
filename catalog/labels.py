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

SEVERITIES = ("critical", "warning", "info")

EXPORTER_JOB = "railwatch-exporter"
"""Value of the label `job` that the rendered scrape configuration gives the exporters."""

OBSERVED = "railwatch:observed"
"""Recording rule: 1 for each node, family and facility whose collector succeeds and is fresh."""
