"""What cgroups are called."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.allocation import cgroups
from exporters.allocation.cgroups import Membership, parse
from tests.budget import examples

UID = "8f1f9f75-8024-5293-9cdc-b996da010db9"
SLICE = UID.replace("-", "_")
ID = "0123456789abcdef" * 4
INNER = "f" * 64
STATIC = "0123456789abcdef" * 2
BOTH = Membership(pod=UID, container=ID)


@pytest.mark.parametrize(
    ("path", "means"),
    [
        (f"/kubepods/burstable/pod{UID}/{ID}", BOTH),
        (f"/kubepods/pod{UID}/{ID}", BOTH),
        (
            (
                f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{SLICE}.slice"
                f"/cri-containerd-{ID}.scope"
            ),
            BOTH,
        ),
        (f"/kubepods.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope/container", BOTH),
        (f"/kubepods.slice/kubepods-pod{SLICE}.slice/docker-{ID}.scope", BOTH),
        (f"/system.slice/containerd.service/kubepods-pod{SLICE}.slice:cri-containerd:{ID}", BOTH),
        (f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{SLICE}.slice/{ID}", BOTH),
        (f"/../../kubepods-pod{SLICE}.slice/cri-containerd-{ID}.scope", BOTH),
        (f"/../cri-containerd-{ID}.scope", Membership(container=ID)),
        (f"/kubepods/pod{STATIC}/{ID}", Membership(pod=STATIC, container=ID)),
        # A container in a container is the outer one's.
        (f"/kubepods/pod{UID}/{ID}/docker/{INNER}", BOTH),
        (f"/kubepods/pod{UID}", Membership(pod=UID)),
        ("/", Membership()),
        ("/system.slice/slurmstepd.scope/job_17", Membership()),
        (f"/system.slice/docker-{ID}.scope", Membership(container=ID)),
        (f"/kubepods/pod{UID}0/x", Membership()),
        (f"/x{ID}0", Membership()),
    ],
)
def test_a_path(path: str, means: Membership) -> None:
    assert parse(f"0::{path}") == means


def test_under_version_1_the_hierarchy_that_knows_the_container_counts() -> None:
    text = f"12:pids:/\n4:memory:/kubepods/pod{UID}\n3:cpu,cpuacct:/kubepods/pod{UID}/{ID}\n0::/"

    assert parse(text) == BOTH


def test_of_a_process_only_its_cgroup_is_read(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/cgroup").write_text(f"0::/kubepods/pod{UID}/{ID}\n")

    assert cgroups.of_process(str(tmp_path), 7) == BOTH
    assert cgroups.of_process(str(tmp_path), 8) is None


@pytest.mark.parametrize(
    "path",
    [
        f"kubepods/burstable/pod{UID}/{ID}",
        f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICE}.slice",
        f"kubepods.slice/kubepods-pod{SLICE}.slice",
        f"systemd/kubepods/besteffort/pod{UID}",  # version 1
        f"kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{SLICE}.slice",  # kind
    ],
)
def test_pods_that_have_a_cgroup(tmp_path: Path, path: str) -> None:
    (tmp_path / "fs/cgroup" / path).mkdir(parents=True)
    (tmp_path / "fs/cgroup/user.slice/pod-like").mkdir(parents=True)

    assert cgroups.pods(tmp_path) == frozenset({UID})


def test_no_sign_of_any_pod_is_not_that_there_is_none(tmp_path: Path) -> None:
    assert cgroups.pods(tmp_path) is None
    (tmp_path / "fs/cgroup/kubepods").mkdir(parents=True)
    assert cgroups.pods(tmp_path) is None


@pytest.mark.fuzz
@settings(max_examples=examples(300), deadline=None)
@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from(("0::", "/", "\n", ":", f"pod{UID}", f"pod{SLICE}", ID, "kubepods", "-")),
        max_size=12,
    ).map("".join)
)
def test_any_text_means_whole_ids_or_nothing(text: str) -> None:
    means = parse(text)

    assert means.pod in ("", UID) or len(means.pod) in (32, 36)
    assert len(means.container) in (0, 64)
