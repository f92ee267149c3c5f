"""What others' device plugins are told, and what of theirs is read."""

from typing import Any

import pytest

from scheduler_feedback.share.assignment import Part, parse_assignment
from scheduler_feedback.share.binder import BindError
from scheduler_feedback.share.formats import Grant, GrantError, notes_of
from scheduler_feedback.share.gpus import read_use
from scheduler_feedback.share.names import AskError, Names, names_of, read_ask, read_size
from tests.scheduler_feedback.fakes import Clock
from tests.scheduler_feedback.share.world import World, sharing_node, target

OURS = Names().annotation
REGISTERED = (
    "GPU-aaa,10,32768,100,NVIDIA-Tesla V100,0,true,0,hami-core:"
    "GPU-bbb,10,32768,100,NVIDIA-Tesla V100,1,true,1,hami-core:"
)


def pod(*containers: dict[str, int], **notes: str) -> dict[str, Any]:
    listed = [
        {"name": f"c{number}", "resources": {"limits": {k: str(v) for k, v in asked.items()}}}
        for number, asked in enumerate(containers)
    ]
    meta = {"namespace": "ml", "name": "a", "uid": "uid-a", "resourceVersion": "1"}
    return {"metadata": {**meta, "annotations": notes}, "spec": {"containers": listed}}


def node(preset: str) -> dict[str, Any]:
    made = sharing_node(2, 81_920)
    holds = {
        "gpushare": {"aliyun.com/gpu-mem": "160", "aliyun.com/gpu-count": "2"},
        "mgpu": {"vke.volcengine.com/mgpu-core": "200", "vke.volcengine.com/mgpu-memory": "163840"},
        "hami": {"nvidia.com/gpu": "20"},
    }
    made["status"]["allocatable"] = holds[preset]
    if preset == "hami":
        made["metadata"]["annotations"]["hami.io/node-nvidia-register"] = REGISTERED
    return made


def bound(preset: str, asking: dict[str, Any]) -> dict[str, str]:
    """Return the annotations of a pod that was bound."""
    world = World(node(preset), asking)
    world.names = names_of(preset)
    world.binder(Clock()).bind(target("a"))
    notes: dict[str, str] = world.pods["a"]["metadata"]["annotations"]
    assert parse_assignment(notes[OURS])
    return {key: text for key, text in notes.items() if key != OURS}


def test_gpushares_plugin_finds_the_index_and_what_is_asked_in_its_own_unit() -> None:
    assert bound("gpushare", pod({"aliyun.com/gpu-mem": 20})) == {
        "ALIYUN_COM_GPU_MEM_IDX": "0",
        "ALIYUN_COM_GPU_MEM_DEV": "80",
        "ALIYUN_COM_GPU_MEM_POD": "20",
        "ALIYUN_COM_GPU_MEM_ASSIGNED": "false",
        "ALIYUN_COM_GPU_MEM_ASSUME_TIME": "1000000000000",
    }


def test_mgpus_agent_finds_the_indexes_of_each_container() -> None:
    core, memory = "vke.volcengine.com/mgpu-core", "vke.volcengine.com/mgpu-memory"

    share = bound("mgpu", pod({core: 30, memory: 4096}, {"cpu": 1}))
    whole = bound("mgpu", pod({core: 100}, {core: 100}))

    index = "vke.volcengine.com/gpu-index-container-"
    assert share == {"vke.volcengine.com/assumed": "true", f"{index}c0": "0"}
    assert whole == {"vke.volcengine.com/assumed": "true", f"{index}c0": "0", f"{index}c1": "1"}


def test_hamis_plugin_finds_the_uuids_and_a_pod_that_is_being_allocated() -> None:
    asked = {"nvidia.com/gpu": 2, "nvidia.com/gpumem": 3000, "nvidia.com/gpucores": 30}

    notes = bound("hami", pod({"cpu": 1}, asked))

    devices = ";GPU-aaa,NVIDIA,3000,30:GPU-bbb,NVIDIA,3000,30:;"
    assert notes == {
        "hami.io/vgpu-node": "gpu-1",
        "hami.io/vgpu-time": "1000",
        "hami.io/vgpu-devices-to-allocate": devices,
        "hami.io/vgpu-devices-allocated": devices,
        "hami.io/bind-phase": "allocating",
        "hami.io/bind-time": "1000",
    }


def test_a_pod_whose_gpus_cannot_be_said_is_not_bound_and_told_why() -> None:
    asked = {"nvidia.com/gpu": 1, "nvidia.com/gpumem": 3000}
    with pytest.raises(BindError, match="just one may ask"):
        bound("hami", pod(asked, asked))
    size = read_size(sharing_node(2), Names())
    grant = Grant(pod=pod(asked), node="n", size=size, parts=(PART,), at=0.0)
    with pytest.raises(GrantError, match="does not say which uuid"):
        notes_of(grant, names_of("hami"))
    with pytest.raises(AskError, match="without its memory"):
        read_ask(pod({"nvidia.com/gpu": 1, "nvidia.com/gpucores": 30})["spec"], names_of("hami"))


PART = Part(gpu=1, milli=300, memory=4096)


@pytest.mark.parametrize(
    ("preset", "asked", "notes", "gpus"),
    [
        ("gpushare", {"aliyun.com/gpu-mem": 4}, {"ALIYUN_COM_GPU_MEM_IDX": "1"}, [1]),
        ("gpushare", {"aliyun.com/gpu-mem": 4}, {"ALIYUN_COM_GPU_MEM_IDX": "-1"}, None),
        (
            "mgpu",
            {"vke.volcengine.com/mgpu-core": 200},
            {"vke.volcengine.com/gpu-index-container-c0": "1,0"},
            [0, 1],
        ),
        ("mgpu", {"vke.volcengine.com/mgpu-core": 30}, {}, None),
        (
            "hami",
            {"nvidia.com/gpu": 1, "nvidia.com/gpumem": 1000},
            {"hami.io/vgpu-devices-allocated": "GPU-aaa,NVIDIA,1000,0:;"},
            None,
        ),
    ],
)
def test_a_pod_that_another_scheduler_bound_counts_where_its_index_says_else_everywhere(
    preset: str, asked: dict[str, int], notes: dict[str, str], gpus: list[int] | None
) -> None:
    use = read_use(pod(asked, **notes), names_of(preset))

    assert use is not None
    if gpus is None:
        assert use.anywhere is not None
    else:
        assert [part.gpu for part in use.parts] == gpus


def test_hamis_nodes_have_what_is_registered() -> None:
    size = read_size(node("hami"), names_of("hami"))

    assert (size.gpus, size.memory, size.uuids) == (2, 32_768, ("GPU-aaa", "GPU-bbb"))
    garbled = node("hami")
    garbled["metadata"]["annotations"]["hami.io/node-nvidia-register"] = "GPU-aaa,10:x"
    assert read_size(garbled, names_of("hami")).gpus == 0
    assert read_ask(pod({"nvidia.com/gpu": 1})["spec"], names_of("hami")) is None
