"""Composes alerts and dashboards into the files that Prometheus, Alertmanager and Grafana read."""
