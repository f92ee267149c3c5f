"""Which GPU an id means."""

import pytest

from exporters.allocation.device_id import DeviceId, of_claim, of_plugin
from exporters.allocation.devices import Devices, Gpu, Part, Place

ONE = "GPU-11111111-8024-5293-9cdc-b996da010db9"
TWO = "GPU-22222222-8024-5293-9cdc-b996da010db9"
MIG = "MIG-33333333-8024-5293-9cdc-b996da010db9"
OTHER = "MIG-44444444-8024-5293-9cdc-b996da010db9"
LAST = "MIG-55555555-8024-5293-9cdc-b996da010db9"

DEVICES = Devices(
    [
        Gpu(index=0, uuid=ONE, minor=1),
        Gpu(
            index=1,
            uuid=TWO,
            minor=0,
            parts=(
                Part(uuid=MIG, gi="1", ci="0"),
                Part(uuid=OTHER, gi="2", ci="0"),
                Part(uuid=LAST, gi="2", ci="1"),
            ),
        ),
    ]
)


@pytest.mark.parametrize(
    ("text", "gpu", "uuid", "mig"),
    [
        (ONE, "0", ONE, ""),
        (f"{TWO}::4", "1", TWO, ""),
        (MIG, "1", TWO, MIG),
        (f"MIG-{TWO}/2/1", "1", TWO, LAST),
        ("nvidia0", "1", TWO, ""),  # the device node's number, not NVML's
        ("nvidia0/gi1", "1", TWO, MIG),
        ("0", "0", ONE, ""),
        ("1:2", "1", TWO, LAST),
    ],
)
def test_an_id_means_a_device_of_this_node(text: str, gpu: str, uuid: str, mig: str) -> None:
    means = of_plugin("nvidia.com/gpu", text)

    assert means is not None
    assert DEVICES.place(means) == Place(gpu=gpu, uuid=uuid, mig=mig)


def test_a_claim_goes_by_the_device_nodes_number() -> None:
    means = of_claim("gpu.nvidia.com", "gpu-1")

    assert means is not None
    assert DEVICES.place(means) == Place(gpu="0", uuid=ONE)


def test_a_uuid_that_is_not_here_stands_for_itself() -> None:
    gone = ONE.replace("1111", "9999")

    assert DEVICES.place(DeviceId(gpu=gone)) == Place(gpu="", uuid=gone)
    assert DEVICES.place(DeviceId(mig=MIG.replace("3333", "9999"))) == Place(
        gpu="", uuid="", mig=MIG.replace("3333", "9999")
    )


def test_a_number_that_is_not_here_means_nothing() -> None:
    assert DEVICES.place(DeviceId(index=7)) is None
    assert DEVICES.place(DeviceId(minor=7)) is None
    assert Devices([Gpu(index=0, uuid=ONE)]).place(DeviceId(minor=0)) is None


@pytest.mark.parametrize(
    ("means", "mig"),
    [
        (DeviceId(minor=0, gi=2), "gi2"),  # two compute instances: which one is not known
        (DeviceId(minor=0, gi=9), "gi9"),
        (DeviceId(gpu=TWO, gi=9, ci=3), "gi9/ci3"),
        (DeviceId(index=1, nth=9), "nth9"),
        (DeviceId(minor=0, other="1g10gb-19-0"), "1g10gb-19-0"),
    ],
)
def test_a_mig_instance_that_is_not_known_is_never_the_whole_gpu(means: DeviceId, mig: str) -> None:
    assert DEVICES.place(means) == Place(gpu="1", uuid=TWO, mig=mig)


def test_job_files_name_gpus_by_index_and_instances_by_number() -> None:
    assert DEVICES.numbered(0, None) == Place(gpu="0", uuid=ONE)
    assert DEVICES.numbered(1, 1) == Place(gpu="1", uuid=TWO, mig=MIG)
    assert DEVICES.numbered(5, None) is None
