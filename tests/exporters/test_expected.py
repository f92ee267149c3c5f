"""What the owner declares that a node should have."""

from pathlib import Path

import pytest

from exporters.expected import DeclarationError, Devices, Expected, annotated, declared
from exporters.machine import Machine
from testbed.sysfs import SimulatedSysfs

MACHINE = Machine(product="HGX H100 8U")
YAML = """
nodes:
  - hostname: gpu-a7
    gpus: 7
  - hostname: gpu-a*
    product: HGX H100*
    gpus: 8
    rdma_ports: [mlx5_0/1, mlx5_1/1]
  - product: "*"
    rdma_ports: 2
"""
TOML = """
[[nodes]]
hostname = "gpu-a*"
gpus = ["0000:1b:00.0", "0000:43:00.0"]
"""


def write(to: Path, text: str, name: str = "inventory.yaml") -> str:
    (to / name).write_text(text)
    return str(to / name)


def test_the_first_entry_that_fits_counts(tmp_path: Path) -> None:
    path = write(tmp_path, YAML)

    found = {name: declared(path, name, MACHINE) for name in ("gpu-a7", "gpu-a1", "other")}

    assert found["gpu-a7"] == Expected(source="file", gpus=Devices(count=7))
    assert found["gpu-a1"] == Expected(
        source="file",
        gpus=Devices(count=8),
        rdma_ports=Devices(count=2, names=("mlx5_0/1", "mlx5_1/1")),
    )
    assert found["other"] == Expected(source="file", rdma_ports=Devices(count=2))


def test_both_patterns_must_fit_where_both_are_given(tmp_path: Path) -> None:
    found = declared(write(tmp_path, YAML), "gpu-a1", Machine(product="other"))

    assert found == Expected(source="file", rdma_ports=Devices(count=2))


def test_toml_is_read_too_and_a_node_without_an_entry_has_none(tmp_path: Path) -> None:
    path = write(tmp_path, TOML, "inventory.toml")

    found = declared(path, "gpu-a1", MACHINE)

    assert found is not None
    assert found.gpus == Devices(count=2, names=("0000:1b:00.0", "0000:43:00.0"))
    assert declared(path, "other", MACHINE) is None
    assert declared("", "gpu-a1", MACHINE) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected `nodes`"),
        ("nodes: {}", "nodes: expected a list"),
        ("node: []", "expected `nodes`"),
        ("nodes: [", "inventory.yaml"),
        ("nodes: [7]", "nodes[0]: expected a mapping"),
        ("nodes: [{gpus: 8}]", "nodes[0]: needs `hostname` or `product`"),
        ("nodes: [{hostname: [a], gpus: 8}]", "nodes[0]: hostname: expected a shell pattern"),
        ("nodes: [{hostname: a}]", "nodes[0]: says neither gpus nor rdma_ports"),
        ("nodes: [{hostname: a, gpu: 8}]", "nodes[0]: unknown field 'gpu'"),
        ("nodes: [{hostname: a, gpus: -1}]", "nodes[0]: gpus: expected a number"),
        ("nodes: [{hostname: a, gpus: true}]", "nodes[0]: gpus: expected a number"),
        ("nodes: [{hostname: a, gpus: ['1b:00']}]", "nodes[0]: gpus: '1b:00' is no name such as"),
        ("nodes: [{hostname: a, rdma_ports: [mlx5_0]}]", "'mlx5_0' is no name such as mlx5_0/1"),
    ],
)
def test_a_wrong_file_is_refused_by_place_and_field(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)

    with pytest.raises(DeclarationError) as refused:
        declared(path, "other", MACHINE)

    assert says in str(refused.value)
    assert path in str(refused.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(DeclarationError, match="/nowhere"):
        declared("/nowhere.yaml", "a", MACHINE)


def test_an_annotation_says_the_same_in_json() -> None:
    found = annotated('{"gpus": 8, "rdma_ports": ["mlx5_0/1"]}')

    assert found.source == "annotation"
    assert (found.gpus, found.rdma_ports) == (
        Devices(count=8),
        Devices(count=1, names=("mlx5_0/1",)),
    )


@pytest.mark.parametrize("text", ["", "8", "{", "{}", '{"gpus": "eight"}', '{"x": 1}', "[" * 9999])
def test_a_wrong_annotation_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError, match="annotation"):
        annotated(text)


def test_the_machine_is_known_by_its_firmware() -> None:
    with SimulatedSysfs(ports=0, seed="a") as one, SimulatedSysfs(ports=0, seed="b") as other:
        first, second = Machine.of(str(one.path)), Machine.of(str(other.path))

        assert first.product == "HGX H100 8U"
        assert first.serial
        assert first.serial != second.serial
        dmi = "class/dmi/id"
        one.write(f"{dmi}/product_serial", "To Be Filled By O.E.M.")
        assert Machine.of(str(one.path)).serial == ""
        one.write(f"{dmi}/board_serial", "B1")
        assert Machine.of(str(one.path)).serial == "B1"
    assert Machine.of("/nowhere") == Machine()
