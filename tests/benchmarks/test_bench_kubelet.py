"""Asking a kubelet who holds its GPUs, beside grpcio and Google's protocol buffers."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from exporters.allocation.grpc import Channel
from exporters.allocation.pod_resources import holdings
from testbed.directories import private_directory
from testbed.kubelet import MESSAGES, SimulatedKubelet, gpu_pod

PODS = 110
LIST = "/v1.PodResourcesLister/List"

pytestmark = pytest.mark.benchmark(group=f"{PODS} pods")


@pytest.fixture(scope="module")
def kubelet() -> Iterator[SimulatedKubelet]:
    with private_directory("kubelet") as directory, SimulatedKubelet(directory) as made:
        uuid = "GPU-8f1f9f75-8024-5293-9cdc-b996da010db9"
        made.pods = [gpu_pod(f"pod-{n}", f"{uuid}::{n}") for n in range(PODS)]
        yield made


def test_railwatch(benchmark: BenchmarkFixture, kubelet: SimulatedKubelet) -> None:
    def ask() -> int:
        with Channel(str(kubelet.socket), 10) as channel:
            return len(list(holdings(channel.call(LIST))))

    assert benchmark(ask) == PODS


def test_grpcio(benchmark: BenchmarkFixture, kubelet: SimulatedKubelet) -> None:
    def ask() -> int:
        with grpc.insecure_channel(f"unix:{kubelet.socket}") as channel:
            ask_list: Any = channel.unary_unary(LIST)
            answer = ask_list(b"", timeout=10)
            message = MESSAGES["ListPodResourcesResponse"]()
            message.ParseFromString(answer)
            return sum(
                len(devices.device_ids)
                for pod in message.pod_resources
                for container in pod.containers
                for devices in container.devices
            )

    assert benchmark(ask) == PODS
