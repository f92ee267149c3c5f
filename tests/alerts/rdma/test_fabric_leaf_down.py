from pathlib import Path

import pytest

from tests.alerts.promtool import complaints, firing

NAME = "FabricLeafDown"
LEAF = ['{domain="leaf-1"}']


def node(number: int, state: int, *, leaf: str = "leaf-1", seen: str = "1x400") -> dict[str, str]:
    """Return a node with one port, whose neighbour LLDP tells."""
    at = f'node="n{number}",device="mlx5_0",port="1"'
    up = f'node="n{number}"'
    collector = f'{up},family="rdma",facility="port"'
    return {
        f'up{{job="railwatch-exporter",{up}}}': "1x400",
        f"railwatch_exporter_interval_seconds{{{up}}}": "5x400",
        f'railwatch_exporter_collector_state{{{collector},state="ok"}}': seen,
        f"railwatch_exporter_collector_age_seconds{{{collector}}}": "1x400",
        f"railwatch_rdma_port_state{{{at}}}": f"4x39 {state}x360",
        f'railwatch_rdma_topology_info{{{at},rail="0",leaf="{leaf}",role="compute"}}': "1x400",
    }


def nodes(*states: int, **more: str) -> dict[str, str]:
    made: dict[str, str] = {}
    for number, state in enumerate(states):
        made |= node(number, state, **more)
    return made


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


@pytest.mark.parametrize(
    ("states", "failed"),
    [
        ((1, 1, 1, 1, 1), True),
        ((1, 1, 1, 4, 4), True),
        ((1, 1, 1, 4, 4, 4, 4), False),
        ((1, 1), False),
        ((4, 4, 4, 4), False),
    ],
    ids=["all", "most", "fewer than half", "only two nodes", "none"],
)
def test_many_nodes_behind_one_leaf_are_one_fault(
    tmp_path: Path, states: tuple[int, ...], *, failed: bool
) -> None:
    assert firing(tmp_path, NAME, nodes(*states), "30m", LEAF if failed else []) == ""


def test_as_many_behind_different_leaves_are_not(tmp_path: Path) -> None:
    series: dict[str, str] = {}
    for number in range(5):
        series |= node(number, 1, leaf=f"leaf-{number}")

    assert firing(tmp_path, NAME, series, "30m", []) == ""


def test_a_leaf_is_remembered_when_its_links_are_dead_and_tell_no_neighbour(tmp_path: Path) -> None:
    series = {
        name: "1x39 stale" if "topology_info" in name else values
        for name, values in nodes(1, 1, 1, 1).items()
    }

    assert firing(tmp_path, NAME, series, "30m", LEAF) == ""
    assert firing(tmp_path, NAME, series, "90m", []) == ""


def test_ports_that_are_not_observed_say_nothing(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, nodes(1, 1, 1, 1, seen="0x400"), "30m", []) == ""


def test_on_infiniband_the_fabrics_own_document_tells_the_leaf(tmp_path: Path) -> None:
    behind = nodes(1, 1, 1)
    series = {name: values for name, values in behind.items() if "topology_info" not in name}
    for number in range(3):
        at = f'node="n{number}",device="mlx5_0",port="1",guid="g{number}"'
        hangs = f'guid="g{number}",host="n{number}",device="mlx5_0",leaf="leaf-1",leaf_port="1"'
        series[f"railwatch_rdma_port_info{{{at}}}"] = "1x400"
        series[f'railwatch_fabric_hca_info{{node="fabric",{hangs}}}'] = "1x400"

    assert firing(tmp_path, NAME, series, "30m", LEAF) == ""
