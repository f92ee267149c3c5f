# pint --offline --config prometheus/pint.hcl lint prometheus/rules
#
# Every check of pint that needs no live Prometheus is on, and finds nothing. What it does not look
# at stands here with its reason.

checks {
  # Each alert is a group of its own, so that one that fails cannot fail another. What it reads from
  # a recording rule is therefore up to one evaluation interval old, which its `for` outlasts.
  disabled = ["rule/dependency"]
}

rule {
  # The dead man's switch has to fire always.
  match { name = "RailwatchWatchdog" }
  disable = ["alerts/comparison"]
}

rule {
  # Takes the first answer for each pod by `or on (cluster, namespace, pod)`. `or` keeps all labels
  # of both its sides; pint takes it for an operation that keeps only those of `on`.
  match { name = "railwatch:pod_workload" }
  disable = ["promql/impossible"]
}

rule {
  # The same for `/ on (…) group_left ()`, which keeps all labels of its left side. In the divisor
  # the labels that were joined to the values are not needed, and go in the aggregation.
  match { name = "railwatch:gpu_(clock|tensor_active):peer_ratio" }
  disable = ["promql/impossible"]
}

rule {
  # Is there while another alert fires, to inhibit with: that one holds the comparison.
  match { name = "RdmaPortBehindFault" }
  disable = ["alerts/comparison"]
}

rule {
  # Where a port hangs is worked out in one way for all rules; these two need the node of it only.
  match { name = "railwatch:domain_nodes_down:count|RdmaPortBehindFault" }
  disable = ["promql/impossible"]
}

rule {
  match { kind = "alerting" }
  annotation "summary" {
    severity = "bug"
    required = true
  }
  annotation "description" {
    severity = "bug"
    required = true
  }
  annotation "runbook_url" {
    severity = "bug"
    value    = "https?://.+"
    required = true
  }
  label "severity" {
    severity = "bug"
    value    = "critical|warning|info"
    required = true
  }
}
