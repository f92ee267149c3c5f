from pathlib import Path

from tests.alerts.promtool import complaints, firing, proven

NAME = "RdmaLinkDown"
PORT = 'node="n1",device="mlx5_0",port="1"'
DEVICE = '{node="n1", guid="0xa"}'
WATCHED = {'up{job="railwatch-exporter",node="n1"}': "1x400"} | {
    f'railwatch:observed{{node="n1",family="rdma",facility="{facility}"}}': "1x400"
    for facility in ("port", "inventory")
}


def port(state: str, guid: str = "0xa", info: str = "1x400") -> dict[str, str]:
    return {
        f'railwatch_rdma_port_info{{{PORT},guid="{guid}"}}': info,
        f"railwatch_rdma_port_state{{{PORT}}}": state,
    }


def expected(value: str, source: str = "learned") -> dict[str, str]:
    return {f'railwatch_rdma_port_expected{{{PORT},source="{source}"}}': value}


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_a_port_that_nobody_expects_may_be_down(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, port("1x400"), "10m", []) == ""
    assert firing(tmp_path, NAME, port("1x400") | expected("0x400"), "10m", []) == ""


def test_a_port_expected_from_two_sources_is_one_alert(tmp_path: Path) -> None:
    series = port("1x400") | expected("1x400") | expected("1x400", "declared")

    assert firing(tmp_path, NAME, series, "10m", ['{node="n1", guid="0xa"}']) == ""


def test_initialize_and_armed_are_not_active(tmp_path: Path) -> None:
    for state in (2, 3):
        series = port(f"{state}x400") | expected("1x400")

        assert firing(tmp_path, NAME, series, "10m", ['{node="n1", guid="0xa"}']) == ""


def test_a_port_without_a_guid_fires_and_is_never_proven(tmp_path: Path) -> None:
    down = port("1x400", guid="") | expected("1x400")
    active = port("4x400", guid="") | expected("1x400") | WATCHED

    assert firing(tmp_path, NAME, down, "10m", ['{node="n1"}']) == ""
    assert proven(tmp_path, NAME, active, "30m", []) == ""


def test_a_replaced_card_does_not_prove_the_former_one(tmp_path: Path) -> None:
    """The former card's identity is still found for five minutes where no stale marker came."""
    former = port("4x400", guid="0xf", info="1x40")
    series = former | port("4x400", info="_x41 1x300") | expected("1x400") | WATCHED

    assert proven(tmp_path, NAME, series, "12m", []) == ""
    assert proven(tmp_path, NAME, series, "30m", [DEVICE]) == ""


def test_a_replaced_card_fails_no_rule(tmp_path: Path) -> None:
    former = port("1x400", guid="0xf", info="1x40")
    series = former | port("1x400", info="_x41 1x300") | expected("1x400")
    both = ['{node="n1", guid="0xa"}', '{node="n1", guid="0xf"}']

    assert firing(tmp_path, NAME, series, "12m", both) == ""
