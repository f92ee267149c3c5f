"""What device plugins call GPUs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.allocation.device_id import DeviceId, of_claim, of_plugin
from tests.budget import examples

HEX = "8f1f9f75-8024-5293-9cdc-b996da010db9"
GPU = f"GPU-{HEX}"
MIG = f"MIG-{HEX}"
WHOLE = "nvidia.com/gpu"


@pytest.mark.parametrize(
    ("text", "means"),
    [
        (GPU, DeviceId(gpu=GPU)),
        (f"{GPU}::3", DeviceId(gpu=GPU)),  # NVIDIA's time-slicing and MPS
        (f"{GPU}-7", DeviceId(gpu=GPU)),  # HAMi
        (GPU.replace("8f1f", "8F1F"), DeviceId(gpu=GPU)),
        (MIG, DeviceId(mig=MIG)),
        (f"{MIG}::0", DeviceId(mig=MIG)),
        (f"MIG-{GPU}/7/0", DeviceId(gpu=GPU, gi=7, ci=0)),
        (f"MIG-{GPU}/7/0::1", DeviceId(gpu=GPU, gi=7, ci=0)),
        ("nvidia0", DeviceId(minor=0)),  # GKE
        ("nvidia1/gi3", DeviceId(minor=1, gi=3)),
        ("nvidia0/vgpu2", DeviceId(minor=0)),
        ("nvidia0/gi7/vgpu1", DeviceId(minor=0, gi=7)),
        ("0", DeviceId(index=0)),  # NVIDIA's, with ids by index
        ("11::2", DeviceId(index=11)),
        ("0:1", DeviceId(index=0, nth=1)),
    ],
)
def test_an_id_of_a_device_plugin(text: str, means: DeviceId) -> None:
    assert of_plugin(WHOLE, text) == means
    assert of_plugin("nvidia.com/mig-1g.10gb", text) == means


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GPU-",
        GPU[:-1],
        f"{GPU}0",
        f"{GPU}::",
        f" {GPU}",
        f"{GPU}\n",
        f"{GPU}::3::4",
        "nvidia",
        "nvidiactl",
        "nvidia0/gi",
        "-1",
        "٣",
        "12345",
        "0000:1b:00.0",
        "mlx5_0",
    ],
)
def test_what_is_no_gpu(text: str) -> None:
    assert of_plugin(WHOLE, text) is None


def test_numbers_are_gpus_only_of_resources_that_are() -> None:
    assert of_plugin("nvidia.com/gpu.shared", "0") == DeviceId(index=0)
    assert of_plugin("nvidia.com/hostdev", "0") is None
    assert of_plugin("example.com/fpga", "0") is None


def test_a_uuid_is_a_gpu_whatever_the_resource_is_called() -> None:
    assert of_plugin("example.com/a100", GPU) == DeviceId(gpu=GPU)


@pytest.mark.parametrize(
    ("device", "means"),
    [
        ("gpu-3", DeviceId(minor=3)),
        ("gpu-0-mig-9-4-4", DeviceId(minor=0, other="9-4-4")),
        ("gpu-0-mig-1g10gb-19-0", DeviceId(minor=0, other="1g10gb-19-0")),
        (GPU.lower(), DeviceId(gpu=GPU)),
        (MIG.lower(), DeviceId(mig=MIG)),
        ("gpu-vfio-0", None),
        ("channel-0", None),
        ("gpu-", None),
    ],
)
def test_a_device_of_a_claim(device: str, means: DeviceId | None) -> None:
    assert of_claim("gpu.nvidia.com", device) == means
    assert of_claim("compute-domain.nvidia.com", device) is None


def test_a_mig_instance_is_never_a_whole_gpu() -> None:
    for text in (MIG, f"MIG-{GPU}/7/0", "nvidia1/gi3", "0:0"):
        device = of_plugin(WHOLE, text)
        assert device is not None
        assert device.partial


@pytest.mark.fuzz
@settings(max_examples=examples(300), deadline=None)
@given(
    st.text(max_size=60)
    | st.from_regex(r"(GPU-|MIG-|nvidia|gpu-)?[0-9a-f:/-]{0,50}", fullmatch=True)
)
def test_any_text_is_an_id_or_is_not(text: str) -> None:
    for means in (of_plugin(WHOLE, text), of_claim("gpu.nvidia.com", text)):
        if means is not None:
            assert means.gpu or means.mig or means.index is not None or means.minor is not None
