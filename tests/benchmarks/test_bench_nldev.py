"""Decoding the queue pairs of a NETLINK_RDMA dump, beside plain `struct` over the same bytes."""

import struct

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from exporters.rdma.netlink import decode
from exporters.rdma.nldev import Attribute
from testbed.nldev import message, table, u8, u32

PAIRS = 1000
_ENTRY = table(20, u32(3, 1), u32(21, 7), u32(24, 0), u8(26, 2), u8(27, 3), u32(28, 100))
DUMP = message((5 << 10) + 10, 1, table(19, *[_ENTRY] * PAIRS))

pytestmark = pytest.mark.benchmark(group="1,000 queue pairs decoded")


def test_railwatch(benchmark: BenchmarkFixture) -> None:
    decoded = benchmark(lambda: decode(DUMP))

    assert len(decoded.entries(Attribute.RES_QP, Attribute.RES_QP_ENTRY)) == PAIRS


def test_plain_struct(benchmark: BenchmarkFixture) -> None:
    def walk(at: int, end: int) -> int:
        seen = 0
        while at < end:
            length, kind = struct.unpack_from("=HH", DUMP, at)
            seen += walk(at + 4, at + length) if kind & 0x8000 else 1
            at += (length + 3) & ~3
        return seen

    assert benchmark(lambda: walk(16, len(DUMP))) == PAIRS * 6
