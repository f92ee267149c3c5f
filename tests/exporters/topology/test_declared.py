"""What the owner says of roles and leaves."""

from pathlib import Path

import pytest

from exporters.errors import Unreadable
from exporters.facility import State
from exporters.topology.roles import read_declared
from testbed.sysfs.pci import PciBus
from tests.exporters.topology.nodes import by_name, document, outcomes


def written(tmp_path: Path, text: str) -> str:
    (tmp_path / "roles.yaml").write_text(text)
    return str(tmp_path / "roles.yaml")


def test_the_owner_is_right(tmp_path: Path) -> None:
    said = "roles:\n  mlx5_bond_0: compute\n  'mlx5_[01]': storage\n  eno*: management\n"
    bus = PciBus.hgx_h100(tmp_path / "node")

    made = by_name(document(bus, topology_roles_file=written(tmp_path, said)))

    assert made["mlx5_bond_0"]["role"] == "compute"
    assert made["mlx5_bond_0"]["reason"] == "declared for mlx5_bond_0"
    assert (made["mlx5_1"]["role"], made["mlx5_4"]["role"]) == ("storage", "compute")
    assert made["eno1"]["role"] == "management"


def test_a_nic_may_be_meant_by_its_address_or_by_what_is_built_on_it(tmp_path: Path) -> None:
    said = "roles: {'0000:18:00.0': storage, bond0: management}"
    bus = PciBus.hgx_h100(tmp_path / "node")

    made = by_name(document(bus, topology_roles_file=written(tmp_path, said)))

    assert made["mlx5_0"]["role"] == "storage"
    assert made["mlx5_bond_0"]["role"] == "management"


def test_an_empty_file_declares_nothing(tmp_path: Path) -> None:
    assert read_declared(written(tmp_path, "# nothing yet\n")).roles == ()


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("[]", "expected nothing but roles and leaves"),
        ("role: {}", "expected nothing but roles and leaves"),
        ("roles: [a]", "roles: expected a mapping"),
        ("roles: {mlx5_0: front}", "roles: mlx5_0: 'front' is none of compute, storage"),
        ("leaves: {a: b}", "leaves: a: expected a rail's number"),
        ("leaves: {0: 7}", "leaves: 0: expected a rail's number"),
        ("roles: {", "no YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, said: str, what: str) -> None:
    with pytest.raises(Unreadable, match=what) as caught:
        read_declared(written(tmp_path, said))
    assert "roles.yaml" in str(caught.value)


def test_a_file_that_is_not_there_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"roles\.yaml"):
        read_declared(str(tmp_path / "roles.yaml"))


def test_roles_that_cannot_be_read_are_not_replaced_by_rules(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path / "node")

    places = outcomes(bus, topology_roles_file=written(tmp_path, "roles: 3"))["places"]

    assert places.state is State.FAILED
    assert not places.samples
