"""Draws dashboards from a Prometheus' answers, so that people see what they import.

python -m dashboards.preview --prometheus.url http://localhost:9090 OUT

It draws what is rendered, not what Grafana would: the same grid, queries, units, colours and words,
with Matplotlib, which nothing else needs (`pip install railwatch[preview]`).
"""
