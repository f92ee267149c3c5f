from pathlib import Path

from tests.alerts.promtool import complaints, firing

NAME = "RdmaRateReduced"
PORT = 'node="n1",device="mlx5_0",port="1"'
EXPECTED = f'railwatch_rdma_port_expected_rate_bytes_per_second{{{PORT},source="learned"}}'


def port(state: int) -> dict[str, str]:
    return {
        f'railwatch_rdma_port_info{{{PORT},guid="0xa"}}': "1x400",
        f"railwatch_rdma_port_state{{{PORT}}}": f"{state}x400",
        f"railwatch_rdma_port_rate_bytes_per_second{{{PORT}}}": "12.5e9x400",
        EXPECTED: "50e9x400",
    }


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_a_link_that_is_down_has_no_rate_to_speak_of(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, port(4), "20m", ['{node="n1", guid="0xa"}']) == ""
    assert firing(tmp_path, NAME, port(1), "20m", []) == ""
