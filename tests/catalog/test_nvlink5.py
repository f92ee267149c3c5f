"""The registers of NVLink 5 errors, decoded by NVIDIA's rules."""

import pytest

from catalog import nvlink5, xid
from catalog.nvlink5 import Pattern, Severity, decode


def test_the_table_is_whole() -> None:
    table = nvlink5.table()

    assert len(table) == 94
    assert {rule.xid for rule in table} == set(range(144, 151))
    assert all(len(rule.layouts) == 2 for rule in table)


def test_a_dash_in_a_pattern_is_any_bit() -> None:
    pattern = Pattern.parse("-" * 29 + "1-0")

    assert pattern.fits(0b100)
    assert pattern.fits(0xFFFFFFFE)
    assert not pattern.fits(0b101)
    assert not pattern.fits(0b010)


@pytest.mark.parametrize(
    ("logged", "severity", "resolution"),
    [
        ((144, "SAW_MVB", 0x00000001, 0x01), Severity.NON_FATAL, "IGNORE"),
        ((145, "RLW_REMAP", 0x00000004, 0x40), Severity.FATAL, "RESET_GPU"),
        ((145, "RLW_REMAP", 0x00000082, 0x40), Severity.FATAL, "RESET_GPU"),
        ((149, "NETIR_LINK_EVT", 0x004505C6, 0x00), Severity.LINK_FATAL, "RESET_GPU"),
        ((149, "NETIR_LINK_DOWN", 0x02600011, 0x00), Severity.LINK_FATAL, "IGNORE"),
        ((150, "MSE_WATCHDOG", 0x00000000, 0x00), Severity.FATAL, "RESET_GPU"),
    ],
)
def test_both_layouts_are_decoded(
    logged: tuple[int, str, int, int], severity: Severity, resolution: str
) -> None:
    found = decode(*logged)

    assert found is not None
    assert logged[1] in found.units
    assert (found.severity, found.resolution) == (severity, resolution)


def test_every_rule_is_found_by_its_own_registers() -> None:
    for rule in nvlink5.table():
        for layout in rule.layouts:
            found = decode(rule.xid, rule.units[-1], layout.bits, rule.status)
            assert found is not None
            assert (found.units, found.resolution) == (rule.units, rule.resolution)


def test_a_unit_by_another_name_is_decoded_by_its_registers() -> None:
    found = decode(145, "NO_SUCH_UNIT", 0x00000004, 0x40)

    assert found is not None
    assert found.units == ("RLW_REMAP",)


def test_of_several_error_bits_the_gravest_counts() -> None:
    found = decode(144, "SAW_MVB", 0x00000001, 0x01 | 0x02)

    assert found is not None
    assert found.resolution == "RESET_GPU"


@pytest.mark.parametrize(
    ("code", "unit", "intrinfo", "status"),
    [
        (144, "SAW_MVB", 0x00000001, 0x01 | 0x80),  # one bit that no rule knows
        (144, "SAW_MVB", 0x00000001, 0x00),
        (144, "SAW_MVB", 0x0000007F, 0x01),
        (149, "NETIR_BER_EVENT", 0x00000013, 0x04),  # a number, not bits
        (79, "SAW_MVB", 0x00000001, 0x01),
    ],
)
def test_what_no_rule_knows_stays_unknown(code: int, unit: str, intrinfo: int, status: int) -> None:
    assert decode(code, unit, intrinfo, status) is None


def test_the_codes_with_rules_are_those_that_ask_to_be_decoded() -> None:
    asking = {c for c, x in xid.table().items() if x.resolution == "WORKFLOW_NVLINK5_ERR"}

    assert asking == {code for code in xid.table() if nvlink5.resolutions(code)}
    assert nvlink5.resolutions(144) == {"IGNORE", "RESET_GPU"}
    assert nvlink5.resolutions(79) == frozenset()
