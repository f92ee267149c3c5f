"""The configuration file: what it may say, and how it is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.facility import State
from exporters.uplink import config, configured
from exporters.uplink.config import Config, ConfigError, read_config
from exporters.uplink.watch import Watched
from testbed.rtnetlink import SimulatedRtnetlink
from tests.budget import examples
from tests.exporters.uplink.lines import told, values, view

WHOLE = """
lines:
  - name: dc1-cloud
    capacity: 10G
    interfaces: [bond0, "ens*"]
    limiters: [ifb0]
    pod_interfaces: ["cali*"]
    nodes: ["cloud-gpu-*"]
    node_selector: {topology.railwatch.io/line: dc1-cloud}
    peers:
      - {name: gateway, address: 10.0.0.1, port: 443}
      - {name: gateway, address: "fd00::1", kind: icmp, interval: 500ms, timeout: 3s}
    disks: [/var/lib/preload]
  - name: dc2
    capacity: {receive: 2.5Gbit, transmit: 800000000}
"""


def read(text: str, folder: Path) -> Config:
    file = folder / "uplink.yaml"
    file.write_text(text)
    return read_config(str(file), 1.0)


def test_everything_that_the_file_may_say_is_read(tmp_path: Path) -> None:
    first, second = read(WHOLE, tmp_path).lines

    assert (first.receive, first.transmit) == (1.25e9, 1.25e9)
    assert (second.receive, second.transmit) == (312.5e6, 100e6)
    assert first.interfaces == ("bond0", "ens*")
    assert first.node_selector == (("topology.railwatch.io/line", "dc1-cloud"),)
    tcp, icmp = first.peers
    assert (tcp.kind, tcp.port, tcp.interval, tcp.timeout) == ("tcp", 443, 1.0, 1.0)
    assert (icmp.kind, icmp.port, icmp.interval, icmp.timeout) == ("icmp", 0, 0.5, 3.0)
    assert icmp.labels == ("dc1-cloud", "gateway", "icmp")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a mapping of lines"),
        ("lines: []", "needs at least one line"),
        ("line: []", "unknown field 'line': did you mean 'lines'?"),
        ("lines: [{name: a, zzz: 1}]", "unknown field 'zzz': there is name, capacity"),
        ("lines: [{name: a, intefaces: []}]", "did you mean 'interfaces'?"),
        ("lines: [{name: a b}]", "lines[0]: name: 'a b' is no name"),
        ("lines: [{name: a}, {name: a}]", "lines: a stands there twice"),
        ("lines: [{name: a, capacity: fast}]", "capacity: 'fast' is no rate"),
        ("lines: [{name: a, capacity: -1}]", "capacity: -1 is no rate"),
        ("lines: [{name: a, capacity: .nan}]", "is no rate"),
        ("lines: [{name: a, capacity: true}]", "is no rate"),
        ("lines: [{name: a, capacity: {up: 1}}]", "unknown field 'up'"),
        ("lines: [{name: a, interfaces: eth0}]", "interfaces: expected a list"),
        ("lines: [{name: a, interfaces: [a/b]}]", "interfaces[0]: 'a/b' is no name or pattern"),
        ("lines: [{name: a, node_selector: {a: 1}}]", 'expected a string, as a: "1"'),
        ("lines: [{name: a, disks: [data]}]", "disks[0]: 'data' is no absolute path"),
        ("lines: [{name: a, peers: [{name: b, address: host, port: 1}]}]", "is no IP address"),
        ("lines: [{name: a, peers: [{name: b, address: 10.0.0.1}]}]", "port: None is no port"),
        (
            "lines: [{name: a, peers: [{name: b, kind: icmp, address: 10.0.0.1, port: 7}]}]",
            "icmp has no ports",
        ),
        (
            "lines: [{name: a, peers: [{name: b, kind: udp, address: 10.0.0.1}]}]",
            "'udp' is none of tcp, icmp",
        ),
        (
            "lines: [{name: a, peers: [{name: b, address: 1.1.1.1, port: 1, timeout: 2s}]}]",
            "timeout: 2s: expected 100ms to 1s",
        ),
        (
            "lines: [{name: a, peers: [{name: b, address: 1.1.1.1, port: 1, interval: 1}]}]",
            "interval: '1' is not a duration",
        ),
        ("lines: [", "flow node"),
        ("lines: [{name: a, disks: [" + "/a, " * 17 + "]}]", "17 are too many: at most 16"),
        ("#" * 300_000, "larger than 262144 bytes"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_field(
    text: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        read(text, tmp_path)

    assert said in str(refused.value)
    assert f"--uplink.config.file {tmp_path}/uplink.yaml" in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_config(str(tmp_path / "none.yaml"), 1.0)


def test_a_changed_file_is_read_again_and_a_wrong_one_leaves_the_old_in_use(
    tmp_path: Path,
) -> None:
    shown = view(tmp_path, SimulatedRtnetlink(), {"name": "a", "capacity": "8k"})
    shown.begin()
    before = told(configured.FACILITY, shown)

    (tmp_path / "uplink.yaml").write_text("lines: [{name: a, capcity: 16k}]")
    shown.begin()
    wrong = told(configured.FACILITY, shown)
    new = tmp_path / "new.yaml"
    new.write_text("lines: [{name: a, capacity: 16k}]")
    new.rename(tmp_path / "uplink.yaml")
    shown.begin()
    after = told(configured.FACILITY, shown)

    assert (before.state, wrong.state, after.state) == (State.OK, State.FAILED, State.OK)
    assert [values(o)["config_valid"] for o in (before, wrong, after)] == [1, 0, 1]
    capacities = [values(o)["capacity_bytes_per_second/receive"] for o in (before, wrong, after)]
    assert capacities == [1000, 1000, 2000]
    assert "unknown field 'capcity': did you mean 'capacity'?" in wrong.problem
    assert "still in use" in wrong.problem


def test_a_file_that_has_gone_leaves_the_old_in_use(tmp_path: Path) -> None:
    file = tmp_path / "uplink.yaml"
    file.write_text("lines: [{name: a}]")
    watched = Watched(str(file), 1.0)

    file.unlink()
    in_use = watched.look()

    assert [line.name for line in in_use.lines] == ["a"]
    assert "No such file" in watched.problem


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "uplink.yaml"
    file.write_text("lines: [{name: a}]")
    watched = Watched(str(file), 1.0)
    in_use = watched.config
    before = file.stat().st_atime_ns

    assert watched.look() is in_use
    assert file.stat().st_atime_ns == before


def test_members_are_told_as_they_are_configured(tmp_path: Path) -> None:
    shown = view(
        tmp_path,
        SimulatedRtnetlink(),
        {"name": "a", "nodes": ["cloud-*"], "node_selector": {"zone": "c"}},
    )

    found = values(told(configured.FACILITY, shown))

    assert found["member_info/node/cloud-*"] == found["member_info/selector/zone=c"] == 1


words = st.sampled_from(
    ("lines", "name", "peers", "address", "kind", "port", "interval", "timeout", "disks", "tcp",
     "capacity", "interfaces", "node_selector", "a", "10.0.0.1", "10G", "/data", "1s", "*")
)  # fmt: skip
plain = words | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
nested = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=6)
)


def problem(said: Any) -> str:
    """Return what is wrong with a document, "" where nothing is."""
    try:
        made = config._config("FILE", said, 1.0)
    except ConfigError as refused:
        return str(refused)
    assert isinstance(made, Config)
    return ""


@given(nested)
@settings(max_examples=examples(150), deadline=None)
def test_whatever_the_file_holds_is_read_or_refused(said: Any) -> None:
    every = (said, {"lines": said}, {"lines": [said]}, {"lines": [{"name": "a", "peers": said}]})

    assert all(not told or told.startswith("FILE: ") for told in map(problem, every))
