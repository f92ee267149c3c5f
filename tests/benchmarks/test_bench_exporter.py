"""Writing 9,600 samples, beside prometheus-client's own encoder on the same series."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from pytest_benchmark.fixture import BenchmarkFixture

from catalog.gpu import METRICS
from catalog.metrics import Kind
from exporters import exposition
from exporters.exposition import Writer
from exporters.sample import Sample

SAMPLES = 9_600

pytestmark = pytest.mark.benchmark(group="9,600 samples")


def samples() -> list[Sample]:
    gauges = [m for m in METRICS if m.kind is Kind.GAUGE and m.labels == ("gpu", "uuid")]
    return [
        Sample(gauges[i % len(gauges)], (str(i), f"GPU-8f1f9f75-8024-5293-9cdc-{i:012}"), i * 0.1)
        for i in range(SAMPLES)
    ]


class Peer(Collector):
    """The same samples as prometheus-client holds them."""

    def __init__(self, given: list[Sample]) -> None:
        self.families: dict[str, GaugeMetricFamily] = {}
        for sample in given:
            metric = sample.metric
            family = self.families.setdefault(
                metric.name, GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            )
            family.add_metric(sample.labels, sample.value)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self.families.values()


def count(text: str) -> int:
    return sum(len(family.samples) for family in text_string_to_metric_families(text))


def test_railwatch(benchmark: BenchmarkFixture) -> None:
    given, writer = samples(), Writer(METRICS)

    text = benchmark(lambda: exposition.text(writer.write(given)).encode())

    assert count(text.decode()) == SAMPLES


def test_railwatch_openmetrics(benchmark: BenchmarkFixture) -> None:
    given, writer = samples(), Writer(METRICS)

    text = benchmark(lambda: exposition.openmetrics(writer.write(given)).encode())

    assert text.count(b"\nrailwatch_") == SAMPLES


def test_prometheus_client(benchmark: BenchmarkFixture) -> None:
    registry = CollectorRegistry()
    registry.register(Peer(samples()))

    text = benchmark(lambda: generate_latest(registry))

    assert count(text.decode()) == SAMPLES
