from collections.abc import Iterator

import pytest

from testbed.sysfs import SimulatedSysfs


@pytest.fixture
def sysfs() -> Iterator[SimulatedSysfs]:
    """An eight-port InfiniBand node."""
    with SimulatedSysfs(ports=8) as simulated:
        yield simulated


@pytest.fixture
def roce() -> Iterator[SimulatedSysfs]:
    """A node of two RoCE ports."""
    with SimulatedSysfs(ports=2, link_layer="Ethernet") as simulated:
        yield simulated
