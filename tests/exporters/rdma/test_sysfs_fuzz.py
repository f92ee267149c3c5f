"""Whole trees of sysfs that make no sense, through the worker and the program's side."""

import itertools
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.metrics import Kind
from catalog.rdma import RDMA_PORT_STATE
from exporters.facility import Cycle, End
from exporters.keeping import Keeping
from exporters.machine import Machine
from exporters.post import Pace
from exporters.rdma.family import RdmaFamily
from exporters.rdma.unwrap import Unwrap
from exporters.rdma.worker import attach
from exporters.settings import Settings
from tests.budget import examples
from tests.exporters.samples import at

DEVICES = ("mlx5_0", "efa_0", "bnxt_re0", "hfi1_0", "..x", "a b")
PORTS = ("1", "2", "10", "x", "-1")
FILES = (
    "state",
    "phys_state",
    "rate",
    "link_layer",
    "gids/0",
    "gid_attrs/ndevs/0",
    "counters/link_downed",
    "counters/port_rcv_data",
    "counters/symbol_error",
    "hw_counters/out_of_buffer",
    "hw_counters/lifespan",
    "hw_counters/active_qps",
    "hw_counters/ip4InOctets",
    "hw_counters/of_tomorrow",
)
NETWORK = ("class/net/eth0/carrier_down_count", "class/net/eth0/device/x", "class/net/eth0")
NUMBERS = st.integers(-2, 2**64 + 1).map(str) | st.sampled_from(
    ["0", "255", "65535", "4294967295", "18446744073709551615", "1e9", "N/A (no PMA)"]
)
TEXTS = NUMBERS | st.sampled_from(
    ["4: ACTIVE", "1: DOWN", "5: LinkUp", "400 Gb/sec (4X NDR)", "Ethernet", "InfiniBand", "eth0"]
)
CONTENTS = TEXTS.map(str.encode) | st.binary(max_size=40)
KINDS = st.sampled_from(["file", "file", "file", "folder", "loop", "dangling"])
PATHS = st.builds(
    "class/infiniband/{}/ports/{}/{}".format,
    st.sampled_from(DEVICES),
    st.sampled_from(PORTS),
    st.sampled_from(FILES),
) | st.sampled_from(NETWORK)
TREES = st.lists(st.tuples(PATHS, KINDS, CONTENTS), max_size=14)


def plant(root: Path, path: str, kind: str, content: bytes) -> None:
    """Put something at a path, where what is there already allows it."""
    at_ = root / path
    try:
        at_.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(at_) or kind == "folder":
            at_.mkdir(exist_ok=True)
        elif kind == "file":
            at_.write_bytes(content)
        else:
            at_.symlink_to(at_.name if kind == "loop" else "nowhere")
    except OSError:
        return


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sys")


NUMBER = itertools.count()


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(TREES, min_size=1, max_size=3))
def test_no_tree_crashes_it_or_gives_a_negative_value(
    folder: Path, trees: list[list[tuple[str, str, bytes]]]
) -> None:
    root = folder / str(next(NUMBER))
    chosen = frozenset(f"rdma.{name}" for name in ("port", "counters", "statistics", "history"))
    told = Settings(sysfs=str(root), facilities=chosen | {"rdma.inventory"})
    session = attach(told, {})
    keeping = Keeping("", Machine())
    family = RdmaFamily(told, Pace.of(5.0, epoch=0.0), Unwrap(keeping, str(root)))

    for seconds, tree in enumerate(trees):
        shutil.rmtree(root, ignore_errors=True)
        for planted in tree:
            plant(root, *planted)
        outcomes = tuple(session.cycle())
        cycle = Cycle(outcomes=outcomes, end=End.OK)
        family.readers[0].fold(cycle, at(seconds))
        samples = list(family.samples(at(seconds)))
        list(family.standings(at(seconds)))

        assert not [o.problem for o in outcomes if "Error:" in o.problem]
        assert all(s.value >= 0 for s in samples if s.metric.kind is Kind.COUNTER)
        assert all(s.value >= 0 for s in samples if s.metric is RDMA_PORT_STATE)
        said = {content.strip(b" \n").lstrip(b"0") or b"0" for _, _, content in tree}
        for sample in outcomes[-1].samples:
            if sample.metric.name.startswith("railwatch_rdma_port_symbol_error"):
                assert str(int(sample.value)).encode() in said
