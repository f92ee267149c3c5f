"""Readings that are remembered tell what readings made anew would, whatever changes between."""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.facility import Outcome
from exporters.rdma.worker import DevicesSession, attach
from exporters.settings import Settings
from testbed.sysfs import SimulatedSysfs
from tests.budget import examples

Told = dict[tuple[str, ...], float]


class Tree:
    """A tree whose folders all changed long ago, each change a moment after the one before."""

    def __init__(self, sysfs: SimulatedSysfs) -> None:
        self.sysfs = sysfs
        self._then = time.time_ns() - 3_600_000_000_000
        self.age(*(Path(folder) for folder, _, _ in os.walk(sysfs.path)))

    def age(self, *folders: Path) -> None:
        for folder in folders:
            self._then += 1_000_000
            os.utime(folder, ns=(self._then, self._then))

    def files(self) -> list[Path]:
        every = self.sysfs.path.glob("devices/**/infiniband/*/**/*")
        return sorted(one for one in every if one.is_file() and not one.is_symlink())

    def counters(self) -> list[Path]:
        return [one for one in self.files() if one.parent.name.endswith("counters")]

    @property
    def settings(self) -> Settings:
        return Settings(sysfs=str(self.sysfs.path))


def told(session: DevicesSession) -> tuple[Told, list[object]]:
    """Return what a cycle told, and how each facility went, on each device in turn."""
    outcomes: list[Outcome] = list(session.cycle())
    samples = {(s.metric.name, *s.labels): s.value for one in outcomes for s in one.samples}
    how: list[object] = [(o.facility, o.state, o.problem, o.device, o.notes) for o in outcomes[1:]]
    return samples, how


def write(tree: Tree, of: random.Random) -> None:
    file = of.choice(tree.files())
    file.write_text(
        of.choice(["7\n", "4: ACTIVE\n", "400 Gb/sec (4X NDR)\n", "N/A (no PMA)\n", "x" * 70])
    )


def count(tree: Tree, of: random.Random) -> None:
    file = of.choice(tree.counters() or tree.files())
    file.write_text(f"{of.randrange(2**32)}\n")


def replace(tree: Tree, of: random.Random) -> None:
    file = of.choice(tree.files())
    beside = tree.sysfs.root / "beside"
    beside.write_text(f"{of.randrange(300)}\n")
    beside.replace(file)
    tree.age(file.parent)


def remove(tree: Tree, of: random.Random) -> None:
    file = of.choice(tree.files())
    file.unlink()
    tree.age(file.parent)


def add(tree: Tree, of: random.Random) -> None:
    folder = of.choice([one.parent for one in tree.files()])
    (folder / f"new_{of.randrange(9)}").write_text("1\n")
    tree.age(folder)


def take_folder(tree: Tree, of: random.Random) -> None:
    folder = of.choice([one.parent for one in tree.counters() or tree.files()])
    parent = folder.parent
    shutil.rmtree(folder)
    tree.age(parent)


CHANGES: tuple[Callable[[Tree, random.Random], None], ...] = (
    write, count, count, count, replace, remove, add, take_folder,
)  # fmt: skip


@pytest.mark.parametrize("layer", ["InfiniBand", "Ethernet"])
@settings(max_examples=examples(4), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_worker_of_long_standing_tells_what_a_fresh_one_does(layer: str, seed: int) -> None:
    of = random.Random(seed)
    with SimulatedSysfs(ports=2, link_layer=layer) as sysfs:
        tree = Tree(sysfs)
        lasting = attach(tree.settings, {})
        for _ in range(6):
            told(lasting)
            for change in of.choices(CHANGES, k=of.randrange(3)):
                if tree.files():
                    change(tree, of)

            assert told(lasting) == told(attach(tree.settings, {}))


def descriptors(tree: Tree) -> int:
    """Return how many files of the tree are open: not those of trees that came before."""
    links = Path("/proc/self/fd").iterdir()
    return sum(os.path.realpath(one).startswith(str(tree.sysfs.path)) for one in links)


@pytest.fixture
def tree() -> Iterator[Tree]:
    with SimulatedSysfs(ports=1) as sysfs:
        yield Tree(sysfs)


def interface(samples: Told) -> str:
    (info,) = [labels for labels in samples if labels[0] == "railwatch_rdma_port_info"]
    return info[5]


def test_an_interface_that_was_renamed_goes_by_its_new_name_though_no_stamp_tells(
    tree: Tree,
) -> None:
    session = attach(tree.settings, {})
    (old,) = (tree.sysfs.path / "class/infiniband/mlx5_0/device/net").iterdir()
    stamp = old.parent.stat()
    told(session)
    before = interface(told(session)[0])

    link, new = tree.sysfs.path / "class/net" / old.name, old.with_name("rail0")
    target = link.readlink().with_name("rail0")
    old.rename(new)
    link.unlink()
    link.with_name("rail0").symlink_to(target)
    os.utime(new.parent, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    assert (before, interface(told(session)[0])) == (old.name, "rail0")


def test_what_stands_still_is_not_made_anew(tree: Tree) -> None:
    session = attach(tree.settings, {})
    for _ in range(2):
        list(session.cycle())

    first, second = list(session.cycle()), list(session.cycle())

    made = [new for one, two in zip(first, second, strict=True) for new in pairs(one, two)]
    assert len(made) == 2  # the bytes, which seldom stand still, are not remembered


def pairs(one: Outcome, two: Outcome) -> list[object]:
    both = zip(one.samples, two.samples, strict=True)
    return [new for old, new in both if new is not old]


def test_a_device_that_goes_and_others_that_come_leave_nothing_open(tree: Tree) -> None:
    session = attach(tree.settings, {})
    for _ in range(2):
        told(session)
    before = descriptors(tree)

    tree.sysfs.remove("mlx5_0")
    for _ in range(2):
        told(session)

    assert descriptors(tree) < before - 50
