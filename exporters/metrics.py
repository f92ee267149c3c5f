"""Every metric the exporter produces, in the order of its exposition."""

from catalog import exporter, gpu, rdma
from catalog.metrics import Metric

METRICS: tuple[Metric, ...] = (*exporter.METRICS, *gpu.METRICS, *rdma.METRICS)
