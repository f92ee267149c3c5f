"""Names of pods and containers, from the names of their logs."""

from pathlib import Path

import pytest

from exporters.allocation import names
from exporters.allocation.cgroups import Membership
from exporters.allocation.names import Logs
from exporters.allocation.pod_logs import Names, User, read_names, terminated
from exporters.errors import Absent
from exporters.facility import State
from exporters.runtime import run

UID = "8f1f9f75-8024-5293-9cdc-b996da010db9"
OTHER = UID.replace("8f1f", "1111")
STATIC = "0123456789abcdef" * 2
ID = "0123456789abcdef" * 4


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "pods" / f"prod_web-0_{UID}").mkdir(parents=True)
    (tmp_path / "pods" / f"kube-system_etcd_{STATIC}").mkdir()
    (tmp_path / "pods" / "lost+found").mkdir()
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers" / f"web-0_prod_main-{ID}.log").symlink_to("/nowhere")
    (tmp_path / "containers" / "nonsense.log").touch()
    return tmp_path


def test_pods_by_uid_and_containers_by_id(logs: Path) -> None:
    assert read_names(logs) == Names(
        pods={
            UID: User(namespace="prod", pod="web-0"),
            STATIC: User(namespace="kube-system", pod="etcd"),
        },
        containers={ID: User(namespace="prod", pod="web-0", container="main")},
    )


def test_a_container_is_known_better_than_its_pod(logs: Path) -> None:
    known = read_names(logs)

    assert known.user(Membership(pod=UID, container=ID)) == User(
        namespace="prod", pod="web-0", container="main"
    )
    assert known.user(Membership(pod=UID, container="f" * 64)) == User(
        namespace="prod", pod="web-0"
    )
    assert known.user(Membership()) is None


def test_names_survive_their_way_to_the_program(logs: Path) -> None:
    known = read_names(logs)

    assert Names.decoded(known.encoded()) == known


def test_without_logs_of_containers_pods_are_still_known(logs: Path) -> None:
    for file in (logs / "containers").iterdir():
        file.unlink()
    (logs / "containers").rmdir()

    assert set(read_names(logs).pods) == {UID, STATIC}
    assert read_names(logs).containers == {}


def test_no_directory_is_absent(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="pods"):
        read_names(tmp_path)


def test_names_are_told_when_they_change_only(logs: Path) -> None:
    def told(known: str) -> list[str]:
        outcome = run(names.FACILITY, (Logs(directory=logs, known=known),))
        assert outcome.state is State.OK
        return [str(note.value) for note in outcome.notes if note.name == names.NAMES]

    (first,) = told("")
    assert told(names.mark(first)) == []
    (logs / "pods" / f"prod_web-1_{OTHER}").mkdir()
    (second,) = told(names.mark(first))
    assert OTHER in second


class TestTerminated:
    def test_a_pod_without_a_cgroup_where_others_have_one(self, logs: Path, tmp_path: Path) -> None:
        (tmp_path / "fs/cgroup/kubepods" / f"pod{STATIC}").mkdir(parents=True)

        ended = terminated(logs, tmp_path)

        assert ended("prod", "web-0")
        assert not ended("kube-system", "etcd")

    def test_a_pod_whose_uid_is_not_known_counts_as_running(
        self, logs: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "fs/cgroup/kubepods" / f"pod{STATIC}").mkdir(parents=True)

        assert not terminated(logs, tmp_path)("prod", "unheard-of")
        assert not terminated(tmp_path / "nowhere", tmp_path)("prod", "web-0")

    def test_without_cgroups_of_pods_nothing_is_known(self, logs: Path, tmp_path: Path) -> None:
        assert not terminated(logs, tmp_path)("prod", "web-0")

    def test_one_of_several_of_that_name_runs(self, logs: Path, tmp_path: Path) -> None:
        """A StatefulSet's pod that was made anew: the logs of the one before stay a while."""
        (logs / "pods" / f"prod_web-0_{OTHER}").mkdir()
        (tmp_path / "fs/cgroup/kubepods/burstable" / f"pod{OTHER}").mkdir(parents=True)

        assert not terminated(logs, tmp_path)("prod", "web-0")
