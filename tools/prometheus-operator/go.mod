module railwatch/tools/prometheus-operator

go 1.26.0

// Nothing is built: its example/prometheus-operator-crd/ defines the kinds that are rendered.
require github.com/prometheus-operator/prometheus-operator v0.85.0
