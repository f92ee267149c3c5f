"""Our reading of protocol buffers against Google's."""

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.allocation.pod_resources import allocatable, holdings
from exporters.allocation.protobuf import Garbled, submessages, text
from testbed.kubelet import MESSAGES, Claim, Container, Pod, list_response
from tests.budget import examples

UUID = "GPU-8f1f9f75-8024-5293-9cdc-b996da010db9"

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ids = st.sampled_from((UUID, f"{UUID}::3", "0", "nvidia1", "mlx5_0", ""))
resources = st.sampled_from(("nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "example.com/fpga"))
claims = st.builds(Claim, device=st.sampled_from(("gpu-0", "gpu-1-mig-9-0-1", "nic-0")))
containers = st.builds(
    Container,
    name=names,
    devices=st.dictionaries(resources, st.lists(ids, max_size=3), max_size=2),
    claims=st.lists(claims, max_size=2),
)
pods = st.lists(
    st.builds(Pod, name=names, namespace=names, containers=st.lists(containers, max_size=2)),
    max_size=3,
)


@pytest.mark.fuzz
@settings(max_examples=examples(60), deadline=None)
@given(pods)
def test_a_list_is_read_as_google_writes_it(given_pods: list[Pod]) -> None:
    read = list(holdings(memoryview(list_response(given_pods))))

    wanted = []
    for pod in given_pods:
        for container in pod.containers:
            of_plugins = [
                (resource, one, False)
                for resource, given_ids in container.devices.items()
                for one in given_ids
                if one.startswith("GPU-") or (resource.startswith("nvidia") and one[-1:].isdigit())
            ]
            of_claims = [(c.driver, c.device, True) for c in container.claims if "gpu" in c.device]
            wanted += [
                (pod.namespace, pod.name, container.name, *one)
                for one in (*(w for w in of_plugins if w[1] != "mlx5_0"), *of_claims)
            ]
    printable = [
        (*("".join(c if c.isprintable() else "\ufffd" for c in n) for n in one[:3]), *one[3:])
        for one in wanted
    ]
    assert [
        (h.namespace, h.pod, h.container, h.source, h.device, h.claimed) for h in read
    ] == printable


def _google(body: bytes) -> Any:
    message = MESSAGES["ListPodResourcesResponse"]()
    message.ParseFromString(body)
    return message


@pytest.mark.fuzz
@settings(max_examples=examples(300), deadline=None)
@given(
    st.binary(max_size=64),
    pods,
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4),
)
def test_garbage_is_garbled_or_read_and_nothing_else(
    garbage: bytes, given_pods: list[Pod], flips: list[tuple[int, int]]
) -> None:
    spoiled = bytearray(list_response(given_pods) + garbage)
    for at, byte in flips:
        if at < len(spoiled):
            spoiled[at] = byte
    try:
        found = list(holdings(memoryview(spoiled)))
        list(allocatable(memoryview(spoiled)))
    except Garbled:
        return

    assert all(len(h.pod) <= 253 and h.pod.isprintable() for h in found)


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",  # a length that is missing
        b"\x0a\x05ab",  # longer than the message
        b"\x0a" + b"\xff" * 11,  # a number without an end
        b"\x0b",  # a group
        b"\x02\x00",  # field 0
        b"\x09\x00",  # half of eight bytes
    ],
)
def test_what_google_refuses_is_garbled(body: bytes) -> None:
    with pytest.raises(DecodeError):
        _google(body)

    with pytest.raises(Garbled):
        list(submessages(memoryview(body), 1))


def test_a_number_where_a_message_should_be_is_garbled() -> None:
    with pytest.raises(Garbled, match="is a number"):
        list(submessages(memoryview(b"\x08\x01"), 1))


def test_the_last_value_of_a_field_counts_and_unknown_ones_do_not() -> None:
    assert text(memoryview(b"\x0a\x01a\x12\x01x\x0a\x01b\x18\x07\x25\0\0\0\0"), 1) == "b"
    assert text(memoryview(b""), 1) == ""


def test_a_name_is_cut_and_made_printable() -> None:
    body = list_response(
        [Pod(name="x" * 999, namespace="a\nb", containers=(_with_gpu("c\x1b[31m"),))]
    )

    (one,) = holdings(memoryview(body))

    assert one.pod == "x" * 253
    assert one.namespace == "a\ufffdb"
    assert one.container == "c\ufffd[31m"


def _with_gpu(name: str) -> Container:
    return Container(name=name, devices={"nvidia.com/gpu": [UUID]})
