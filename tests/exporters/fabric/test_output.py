"""What the tools print, constructed: what ibsim cannot make, and what no tool should."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.fabric import discovery, linkinfo, perfquery
from exporters.fabric.fabric import Said, ToolError
from exporters.fabric.network import Network
from tests.budget import examples

NDR = """#
# Topology file: generated on Sun Nov  2 10:00:00 2025
#
# Initiated from node b83fd20300aa0010 port b83fd20300aa0010

vendid=0x2c9
devid=0xd2f2
sysimgguid=0x9c0591030020aa00
switchguid=0x9c0591030020aa00(9c0591030020aa00)
Switch\t65 "S-9c0591030020aa00"\t\t# "MF0;leaf-a01:MQM9700/U1" enhanced port 0 lid 7 lmc 0
[1]\t"H-b83fd20300aa0010"[1](b83fd20300aa0010) \t\t# "gpu-a01 mlx5_0" lid 21 4xNDR
[3][ext 2/1]\t"H-b83fd20300aa0020"[1](b83fd20300aa0021) \t\t# "odd "name" # lid 9 4xSDR" lid 22 2xNDR
[33]\t"S-9c0591030020bb00"[1]\t\t# "MF0;spine-1:MQM9700/U1" lid 8 4xNDR
[65]\t"H-9c0591030020aa08"[1](9c0591030020aa08) \t\t# "Mellanox Technologies Aggregation Node" lid 9 4xNDR

vendid=0x2c9
devid=0xd2f2
sysimgguid=0x9c0591030020bb00
switchguid=0x9c0591030020bb00(9c0591030020bb00)
Switch\t65 "S-9c0591030020bb00"\t\t# "MF0;spine-1:MQM9700/U1" enhanced port 0 lid 8 lmc 0
[1]\t"S-9c0591030020aa00"[33]\t\t# "MF0;leaf-a01:MQM9700/U1" lid 7 4xNDR

vendid=0x2c9
devid=0xd2f2
sysimgguid=0x9c0591030020aa00
caguid=0x9c0591030020aa08
Ca\t1 "H-9c0591030020aa08"\t\t# "Mellanox Technologies Aggregation Node"
[1](9c0591030020aa08) \t"S-9c0591030020aa00"[65]\t\t# lid 9 lmc 0 "MF0;leaf-a01:MQM9700/U1" lid 7 4xNDR

vendid=0x2c9
devid=0x1021
sysimgguid=0xb83fd20300aa0010
caguid=0xb83fd20300aa0010
Ca\t1 "H-b83fd20300aa0010"\t\t# "gpu-a01 mlx5_0"
[1](b83fd20300aa0010) \t"S-9c0591030020aa00"[1]\t\t# lid 21 lmc 0 "MF0;leaf-a01:MQM9700/U1" lid 7 4xNDR
"""  # noqa: E501 - as the tool prints it
LINKS = """\
0x9c0591030020aa00 "      MF0;leaf-a01:MQM9700/U1"      7    1[  ] ==( 4X       106.25 Gbps Active/  LinkUp)==>  0xb83fd20300aa0010     21    1[  ] "gpu-a01 mlx5_0" ( )
0x9c0591030020aa00 "      MF0;leaf-a01:MQM9700/U1"      7    2[  ] ==(                Down/ Polling)==>             [  ] "" ( )
0x9c0591030020aa00 "      MF0;leaf-a01:MQM9700/U1"      7    3[  ] ==( 2X       106.25 Gbps Initialize/  LinkUp)==>  0xb83fd20300aa0021     22    1[  ] "odd "name"" ( Could be 4X)
0x9c0591030020aa00 "      MF0;leaf-a01:MQM9700/U1"      7   33[  ] ==( 4X       53.125 Gbps Active/  LinkUp)==>  0x9c0591030020bb00      8    1[  ] "MF0;spine-1:MQM9700/U1" ( Could be 106.25 Gbps)
0x9c0591030020aa00 "      MF0;leaf-a01:MQM9700/U1"      7   34[  ] ==( 4X       106.25 Gbps Armed/  LinkErrorRecovery)==>  0x9c0591030020bb00      8    2[  ] "x" (Could be 12X )
0x9c0591030020aa00 "      MF0;leaf-a01:MQM9700/U1"      7   35[  ] ==( 4X       106.25 Gbps Dormant/  Dreaming)==>  0x9c0591030020bb00      8    3[  ] "x" ( )
"""  # noqa: E501 - as the tool prints it
COUNTERS = """\
# Port counters: Lid 7 port 1 (CapMask: 0x7A00)
PortSelect:......................1
SymbolErrorCounter:..............65535
LinkDownedCounter:...............2
CounterSelect2:..................0x00
PortXmitWait:....................4294967295
# Port extended counters: Lid 7 port 33 (CapMask: 0x7A00 CapMask2: 0x0000002)
PortXmitData:....................1152921504606846976
# Port counters: Lid 9 port 2 (CapMask: 0x7A00)
SymbolErrorCounter:..............1
"""
LEAF, SPINE, ODD = 0x9C0591030020AA00, 0x9C0591030020BB00, 0xB83FD20300AA0020


def parse(text: str, complaints: str = "") -> Network:
    return discovery.parse(Said(output=text, complaints=complaints))


def test_a_discovery_of_ndr_switches() -> None:
    of = parse(NDR)

    assert of.complete
    assert {kind: len(list(of.kind(kind))) for kind in ("switch", "hca", "aggregation")} == {
        "switch": 2, "hca": 1, "aggregation": 1,
    }  # fmt: skip
    leaf = of.nodes[LEAF]
    assert (leaf.name, leaf.lid, leaf.size) == ("MF0;leaf-a01:MQM9700/U1", 7, 65)
    assert (leaf.ports[1].width, leaf.ports[1].speed) == ("4x", "NDR")
    assert leaf.ports[33].peer == (SPINE, 1)


def test_an_external_port_and_a_description_full_of_traps() -> None:
    port = parse(NDR).nodes[LEAF].ports[3]

    assert port.peer == (ODD, 1)
    assert (port.width, port.speed) == ("2x", "NDR")


def test_a_link_to_a_node_that_did_not_answer_is_none() -> None:
    of = parse(NDR)

    assert len(of.links) == 3
    assert of.name(of.nodes[LEAF].ports[3].peer) == ("b83f:d203:00aa:0020", "", "1")


def test_complaints_make_a_discovery_incomplete() -> None:
    assert not parse(NDR, "ibwarn: [1] _do_madrpc: send failed; timed out\n").complete


def test_the_ports_of_a_node_whose_line_is_damaged_are_nobody_elses() -> None:
    of = parse(NDR.replace('Switch\t65 "S-9c0591030020bb00"', "Switch\t65 S-9c05", 1))

    assert SPINE not in of.nodes
    assert not of.complete
    assert len(of.unread) == 2
    assert of.nodes[LEAF].ports.keys() == {1, 3, 33, 65}


def test_no_node_at_all_is_an_error() -> None:
    with pytest.raises(ToolError, match="no node in its answer"):
        parse("ibnetdiscover: iberror: failed\n")


def test_states_of_ports_and_what_they_could_do() -> None:
    links = linkinfo.parse(LINKS)

    told = {port: (link.state, link.physical_state, link.slow) for (_, port), link in links.items()}
    assert told == {
        1: (4, 5, False),
        2: (1, 2, False),
        3: (2, 5, True),
        33: (4, 5, True),
        34: (3, 6, False),
        35: (None, None, False),
    }


def test_counters_of_the_asked_switch_only() -> None:
    assert perfquery.parse(COUNTERS, 7) == {
        1: {"PortSelect": 1, "SymbolErrorCounter": 65535, "LinkDownedCounter": 2,
            "PortXmitWait": 4294967295},
        33: {"PortXmitData": 1152921504606846976},
    }  # fmt: skip
    with pytest.raises(ToolError, match="no counters of lid 8"):
        perfquery.parse(COUNTERS, 8)


def damaged(text: str) -> st.SearchStrategy[str]:
    """Return texts of which pieces are cut out, doubled, swapped or overwritten."""

    @st.composite
    def damage(draw: st.DrawFn) -> str:
        found = text
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, len(found)))
            to = draw(st.integers(at, min(len(found), at + 200)))
            piece = draw(st.one_of(st.just(""), st.text(max_size=20), st.just(found[at:to] * 2)))
            found = found[:at] + piece + found[to:]
        return found

    return damage()


@given(text=st.one_of(damaged(NDR), st.text(max_size=300)))
@settings(max_examples=examples(400), deadline=None)
def test_no_discovery_crashes_the_parser(text: str) -> None:
    try:
        of = parse(text)
    except ToolError:
        return
    assert of.nodes
    assert all(0 < number < 255 for node in of.nodes.values() for number in node.ports)
    assert all(len(ends) in (1, 2) for ends in of.links)
    assert all(name.isprintable() for name in (node.name for node in of.nodes.values()))


@given(text=st.one_of(damaged(LINKS), st.text(max_size=300)))
@settings(max_examples=examples(400), deadline=None)
def test_no_list_of_links_crashes_the_parser(text: str) -> None:
    try:
        links = linkinfo.parse(text)
    except ToolError:
        return
    assert all(link.state in (None, 1, 2, 3, 4) for link in links.values())


@given(text=st.one_of(damaged(COUNTERS), st.text(max_size=300)))
@settings(max_examples=examples(400), deadline=None)
def test_no_counters_crash_the_parser(text: str) -> None:
    try:
        found = perfquery.parse(text, 7)
    except ToolError:
        return
    assert all(0 <= value < 2**64 for port in found.values() for value in port.values())
