"""NVIDIA's Xid catalogue as it stands in the repository."""

import pytest

from catalog import xid


def test_the_table_is_whole() -> None:
    table = xid.table()

    assert list(table) == list(range(1, 173))
    assert all(one.mnemonic and one.description for one in table.values())


@pytest.mark.parametrize(
    ("code", "resolution"),
    [
        (13, "RESTART_APP"),
        (31, "RESTART_APP"),
        (43, "IGNORE"),
        (63, "IGNORE"),
        (79, "RESTART_BM"),
        (95, "RESET_GPU"),
        (119, "RESET_GPU"),
    ],
)
def test_a_code_asks_for_what_nvidia_says(code: int, resolution: str) -> None:
    assert xid.resolution(code) == resolution


def test_what_asks_nothing_of_the_node_is_not_actionable() -> None:
    actionable = {code for code, one in xid.table().items() if one.actionable}

    assert {46, 48, 54, 64, 74, 79, 95, 119, 120, 140, 145, 151} <= actionable
    assert not {13, 31, 32, 38, 43, 44, 63, 68, 69, 94, 106, 121} & actionable


def test_a_code_that_the_catalogue_lacks_stays_unknown() -> None:
    assert xid.resolution(173) == xid.resolution(0) == "unknown"
