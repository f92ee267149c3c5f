"""Our calls against grpc-go, which the kubelet's server is: etcd, on a unix socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters.allocation.grpc import Channel
from exporters.errors import Absent, ReadingError
from testbed.directories import private_directory
from testbed.processes import Process
from testbed.tools import ensure
from testbed.waiting import PATIENCE

pytestmark = pytest.mark.cluster

VALUE = b"x" * 15_000
KEYS = 120
NAME = "localhost:1"
"""etcd names the socket by host and port, in its working directory."""


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    with private_directory("etcd") as directory:
        argv = [
            str(ensure("etcd")["etcd"]),
            f"--data-dir={directory / 'data'}",
            f"--listen-client-urls=unix://{NAME}",
            f"--advertise-client-urls=unix://{NAME}",
            "--listen-peer-urls=unix://localhost:2",
        ]
        with Process(argv, name="etcd", cwd=directory) as etcd:
            etcd.await_ready(lambda: _serves(directory / NAME))
            yield directory / NAME


def _serves(socket: Path) -> bool:
    try:
        with Channel(str(socket), PATIENCE) as channel:
            return bytes(channel.call("/grpc.health.v1.Health/Check")) == b"\x08\x01"
    except (OSError, ReadingError):
        return False


def test_an_answer_larger_than_its_first_window(server: Path) -> None:
    with Channel(str(server), PATIENCE) as channel:
        for number in range(KEYS):
            put = b"\x0a\x04%04d\x12\x98\x75" % number + VALUE
            channel.call("/etcdserverpb.KV/Put", put)
        everything = channel.call("/etcdserverpb.KV/Range", b"\x0a\x01\x00\x12\x01\x00")

    assert bytes(everything).count(VALUE) == KEYS


def test_a_service_that_is_not_there(server: Path) -> None:
    with Channel(str(server), PATIENCE) as channel, pytest.raises(Absent, match="gRPC status 12"):
        channel.call("/v1.PodResourcesLister/List")
