"""What nodes and pods say of shared GPUs, sense or none."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.cache import NodeCache
from scheduler_feedback.share.assignment import (
    AssignmentError,
    Part,
    dump_assignment,
    parse_assignment,
)
from scheduler_feedback.share.gpus import read_faulty, read_use
from scheduler_feedback.share.names import Ask, AskError, Names, Resource, ask_of, read_size
from tests.budget import examples
from tests.scheduler_feedback.share.world import sharing_node, sharing_pod

NAMES = Names()

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["gpus", "index", "milli", "memory", "GPU-1", "name", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
_texts = st.text(max_size=40) | _json.map(json.dumps)


def test_other_names_have_their_own_units() -> None:
    names = Names(
        milli=Resource(name="vke.volcengine.com/mgpu-core", unit=10),
        memory=Resource(name="aliyun.com/gpu-mem", unit=1024),
        count="aliyun.com/gpu-count",
    )

    ask = ask_of({"vke.volcengine.com/mgpu-core": 30, "aliyun.com/gpu-mem": 4}, names)

    assert ask == Ask(gpus=1, milli=300, memory=4096)


def test_more_than_one_gpu_must_be_whole() -> None:
    assert ask_of({"railwatch.io/gpu-milli": 2000, "railwatch.io/gpu-memory-mib": 3}, NAMES) == Ask(
        gpus=2, milli=1000, memory=2
    )
    with pytest.raises(AskError, match="whole GPUs"):
        ask_of({"railwatch.io/gpu-milli": 1500}, NAMES)


def test_an_assignment_is_read_as_it_was_written() -> None:
    parts = (Part(gpu=1, milli=300, memory=5), Part(gpu=0, milli=1, memory=0))

    assert parse_assignment(dump_assignment(parts)) == parts


@settings(max_examples=examples(200))
@given(_texts)
def test_no_assignment_crashes_and_a_pod_counts_for_at_least_what_it_asks(text: str) -> None:
    pod: dict[str, Any] = sharing_pod("p", 300, 50)
    pod["metadata"]["annotations"][NAMES.annotation] = text
    with contextlib.suppress(AssignmentError):
        assert parse_assignment(text)

    use = read_use(pod, NAMES)

    assert use is not None
    assert use.anywhere or all(p.milli >= 300 and p.memory >= 50 for p in use.parts)


@settings(max_examples=examples(200))
@given(_texts, _texts)
def test_no_annotation_or_amount_of_a_node_crashes_the_cache(text: str, amount: str) -> None:
    node = sharing_node()
    node["metadata"]["annotations"]["railwatch.io/devices"] = text
    node["status"]["allocatable"]["railwatch.io/gpu-milli"] = amount
    cache = NodeCache(stale_after=60)

    cache.put(node)

    assert len(cache) == 1
    assert read_size(node, NAMES).gpus >= 0
    assert isinstance(read_faulty(node).unknown, bool)
