"""Lines as drivers write them, and lines that only look so."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.gpu.nvrm import AddedLine, Line, NameLine, SxidLine, XidLine, parse
from tests.budget import examples

UUID = "GPU-509665ad-b600-ac93-3616-d754b23d636d"


def xid(slot: str, code: int, resolution: str) -> XidLine:
    return XidLine(slot=slot, code=code, resolution=resolution)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            (
                "NVRM: Xid (PCI:0000:05:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen "
                "off the bus."
            ),
            xid("0000:05:00.0", 79, "RESTART_BM"),
        ),
        (
            "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.",
            xid("0000:01:00.0", 79, "RESTART_BM"),
        ),
        (
            "NVRM: Xid (0000:03:00): 14, Channel 00000001",
            xid("0000:03:00.0", 14, "IGNORE"),
        ),
        (
            (
                "NVRM: Xid (PCI:0000:9b:00): 119, pid=2024380, name=nvidia-smi, Timeout after 6s "
                "of waiting for RPC response from GPU4 GSP! Expected function 103 (GSP_RM_ALLOC) "
                "(0x2081 0x4)."
            ),
            xid("0000:9b:00.0", 119, "RESET_GPU"),
        ),
        (
            (
                "NVRM: Xid (PCI:0000:04:00): 144, SAW_MVB Nonfatal XC0 i0 Link 00 (0x00000001 "
                "0x00000001 0x00000000 0x00000000)"
            ),
            xid("0000:04:00.0", 144, "IGNORE"),
        ),
        (
            (
                "NVRM: Xid (PCI:0000:04:00): 145, RLW_REMAP Fatal XC0 i0 Link 00 (0x00000004 "
                "0x00000040 0x00000000 0x00000000)"
            ),
            xid("0000:04:00.0", 145, "RESET_GPU"),
        ),
        (
            (
                "NVRM: Xid (PCI:0018:01:00): 149, pid=7, name=x, NETIR_LINK_EVT  Fatal   XC0 i0 "
                "Link 08 (0x004505c6 0x00000000 0x00000000)"
            ),
            xid("0018:01:00.0", 149, "RESET_GPU"),
        ),
        (
            "NVRM: Xid (PCI:0000:41:00 GPU-I:05): 31, pid=5, name=python, MMU Fault",
            xid("0000:41:00.0", 31, "RESTART_APP"),
        ),
        ("NVRM: Xid (PCI:0000:CB:00.0): 999, new", xid("0000:cb:00.0", 999, "unknown")),
        (
            "NVRM: Xid (PCI:0000:04:00): 149, cut off befo",
            xid("0000:04:00.0", 149, "WORKFLOW_NVLINK5_ERR"),
        ),
        (
            (
                "nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32 egress "
                "non-posted PRIV error (First)"
            ),
            SxidLine(switch="nvswitch3", slot="0000:05:00.0", code=12028, severity="non_fatal"),
        ),
        (
            "nvidia-nvswitch0: SXid (PCI:0000:00:00.0): 20034, Fatal, Link 30 LTSSM Fault Up",
            SxidLine(switch="nvswitch0", slot="0000:00:00.0", code=20034, severity="fatal"),
        ),
        (f"NVRM: GPU at PCI:0000:9b:00: {UUID}", NameLine(slot="0000:9b:00.0", uuid=UUID)),
    ],
)
def test_what_a_driver_tells(message: str, told: Line) -> None:
    assert parse(message) == told


@pytest.mark.parametrize(
    "message",
    [
        "",
        "NVRM: ",
        "NVRM: Xid (PCI:0000:05:00): 7",  # cut off: 7, 79 or another
        "NVRM: Xid (PCI:0000:05:00): 0, none",
        "NVRM: Xid (PCI:0000:05:00): 4096, none",
        "NVRM: Xid (PCI:0000:05:00): 99999, none",
        "NVRM: Xid (PCI:05:00): 79, x",
        "oom-kill: task=NVRM: Xid (PCI:0000:05:00): 79, x",
        "NVRM: Rate limiting GSP RPC error prints for GPU at PCI:0000:9b:00 (printing 1 of 30).",
        "NVRM: GPU Board Serial Number: 1650124014249",
        "NVRM: GPU at PCI:0000:9b:00: GPU-unknown",
        "nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Severity 0 Engine instance 32",
        "nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Data {0x00140004}",
        "nvidia-nvswitch333: SXid (PCI:0000:05:00.0): 12028, Fatal, x",
    ],
)
def test_what_is_none_of_it(message: str) -> None:
    assert parse(message) is None


def test_a_process_cannot_name_itself_an_error() -> None:
    forged = "NVRM: Xid (PCI:0000:05:00): 13, pid=1, name=NVRM: Xid (PCI:0000:01:00): 79, x"

    assert parse(forged) == xid("0000:05:00.0", 13, "RESTART_APP")


def test_an_enormous_line_is_read_as_far_as_it_may_matter() -> None:
    message = "NVRM: Xid (PCI:0000:05:00): 145, " + "RLW_REMAP Fatal " * 1_000_000

    assert parse(message) == xid("0000:05:00.0", 145, "WORKFLOW_NVLINK5_ERR")


PIECES = st.sampled_from(
    [
        *("NVRM: ", "Xid (", "PCI:", "0000:05:00", "): ", "79", "144", ", ", "GPU at ", UUID),
        *("nvidia-nvswitch1: ", "SXid (", ".0", "12028", "Fatal", "Non-fatal", "SAW_MVB "),
        *("(0x00000001 0x00000001 ", "(0xffffffff 0xffffffff)", "\x00", "٣", "\ud800"),
    ]
)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(PIECES | st.text(max_size=4), max_size=12))
def test_nothing_a_log_may_hold_breaks_it(pieces: list[str]) -> None:
    told = parse("".join(pieces))

    assert told is None or told.slot.isascii()
    assert not isinstance(told, XidLine) or 0 < told.code <= 1023
    assert not isinstance(told, SxidLine) or 10_000 <= told.code <= 99_999


def test_a_gpu_that_the_kernel_finds_on_the_bus_is_fresh_out_of_reset() -> None:
    found = parse("pci 0000:1b:00.0: [10de:2330] type 00 class 0x030200 PCIe Endpoint")

    assert found == AddedLine(slot="0000:1b:00.0")


@pytest.mark.parametrize(
    "message",
    [
        "pci 0000:1b:00.1: [10de:22ba] type 00 class 0x040300",  # its audio function
        "pci 0000:1a:00.0: [15b3:1021] type 00 class 0x020700",
        "pci 0000:1b:00.0: BAR 0 [mem 0x00000000-0x00ffffff]",
        "pci_bus 0000:1b: resource 1",
    ],
)
def test_other_lines_of_the_bus_are_none_of_ours(message: str) -> None:
    assert parse(message) is None


@pytest.mark.parametrize(
    ("change", "withdrawn"),
    [
        ("from 0x1 (GPU Reset Required) to 0x0 (None)", True),
        ("from 0x2 (Node Reboot Required) to 0x0 (None)", True),
        ("from 0x0 (None) to 0x1 (GPU Reset Required)", False),
        ("from 0x1 (GPU Reset Required) to 0x2 (Node Reboot Required)", False),
    ],
)
def test_a_recovery_action_that_is_withdrawn_tells_of_a_reset(
    change: str,
    *,
    withdrawn: bool,
) -> None:
    line = parse(f"NVRM: Xid (PCI:0000:1b:00): 154, GPU recovery action changed {change}")

    assert isinstance(line, XidLine)
    assert line.withdrawn is withdrawn
