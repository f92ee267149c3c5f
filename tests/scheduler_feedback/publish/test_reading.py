"""Documents of exporters and collectors: as they are, as they never should be, and late."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from program.access import Access, load
from program.errors import ProgramError
from scheduler_feedback.publish.documents import (
    DocumentError,
    FabricDocument,
    NodeDocument,
    read_fabric,
    read_node,
)
from scheduler_feedback.publish.fetch import Answer, Fetcher, FetchError
from scheduler_feedback.publish.merge import Seen, Sight, merge
from scheduler_feedback.publish.node import change
from scheduler_feedback.publish.reader import Reader, Terms
from testbed.ibsim import rails
from testbed.sysfs.pci import PciBus
from testbed.waiting import PATIENCE, wait_until
from tests.budget import examples
from tests.exporters.topology.nodes import CAPTURE, document
from tests.program.certificates import Authority
from tests.scheduler_feedback.fakes import Clock
from tests.scheduler_feedback.publish import pages
from tests.scheduler_feedback.publish.worlds import by_lldp, fabric_bytes, node

FLAGS = "--topology.exporter-url or --topology.fabric-url"


def said(leaf: str = "leaf-1", **changed: Any) -> bytes:
    """What an exporter says of a node with one GPU and one NIC."""
    made = {
        "version": 1,
        "gpus": [{"index": 0, "numa_node": 1, "nearest": ["mlx5_0"], "affinity": "PIX"}],
        "nics": [
            {
                "name": "mlx5_0",
                "numa_node": 1,
                "role": "compute",
                "ports": [{"device": "mlx5_0", "port": "1", "guid": None}],
            }
        ],
        "rails": [{"rail": 0, "device": "mlx5_0", "port": "1", "leaf": leaf, "miscabled": None}],
    }
    return json.dumps({**made, **changed}).encode()


def test_the_document_of_a_captured_h100_node_is_understood(tmp_path: Path) -> None:
    found = read_node(json.dumps(document(PciBus.hgx_h100(tmp_path, CAPTURE))).encode())

    compute = [port for port in found.ports if port.role == "compute"]
    assert found.gpus == (0, 0, 0, 0, 1, 1, 1, 1)
    assert [port.rail for port in compute] == list(range(8))
    assert [(port.gpus, port.affinity) for port in compute] == [((n,), "PIX") for n in range(8)]
    assert [port.numa for port in compute] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [(p.device, p.role, p.rail) for p in found.ports if p not in compute] == [
        ("mlx5_bond_0", "storage", -1)
    ]


def test_a_port_that_an_exporter_finds_down_is_read_as_down(tmp_path: Path) -> None:
    made = document(PciBus.hgx_h100(tmp_path, CAPTURE))
    ports = [port for nic in made["nics"] for port in nic["ports"] if port["device"]]
    for each in ports:
        assert isinstance(each["active"], bool)
        each["active"] = each is not ports[0]

    found = read_node(json.dumps(made).encode())

    down = [(port.device, port.port) for port in found.ports if not port.active]
    assert down == [(ports[0]["device"], ports[0]["port"])]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"version": 2, "rails": []}',
        b"[" * 100_000,
        said(rails={}),
        said(gpus=[1]),
        said(gpus=[{"index": True}]),
        said(gpus=[{"index": 10**9}]),
        said(nics=[{"ports": 1}]),
        said(leaf="x" * 200),
        said(leaf="a\nb"),
        said(leaf="\ud800"),
        json.dumps({"version": 1, "rails": [{"rail": 0}] * 1000}).encode(),
    ],
)
def test_what_is_no_topology_is_refused(body: bytes) -> None:
    with pytest.raises(DocumentError):
        read_node(body)


_KEYS = st.sampled_from(
    ["version", "kind", "gpus", "nics", "rails", "ports", "index", "numa_node", "nearest", "guid",
     "device", "port", "leaf", "rail", "role", "name", "switches", "hcas", "links", "tier", "host"]
)  # fmt: skip
_SLOW = HealthCheck.too_slow
"""Nested documents take long to make up where the machine is busy."""
_FABRIC = json.loads(fabric_bytes(rails(hosts=1, indices=2, spines=1)))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda of: st.lists(of, max_size=3) | st.dictionaries(_KEYS, of, max_size=4),
    max_leaves=6,
)


@given(st.dictionaries(_KEYS, _JSON, max_size=5), st.none() | st.binary(max_size=20))
@settings(max_examples=examples(80), deadline=None, suppress_health_check=[_SLOW])
def test_whatever_a_server_says_is_a_document_or_refused(
    found: dict[str, Any],
    rest: bytes | None,
) -> None:
    node_like = {**json.loads(said()), **found, "version": 1}
    fabric_like = {**_FABRIC, **found, "version": 1, "kind": "fabric"}
    for read, like in ((read_node, node_like), (read_fabric, fabric_like)):
        body = json.dumps(like).encode()
        try:
            read(body if rest is None else body[: len(body) // 2] + rest)
        except DocumentError:
            continue


@given(st.lists(st.dictionaries(_KEYS, _JSON, max_size=4), min_size=1, max_size=3))
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[_SLOW])
def test_no_document_that_is_read_breaks_the_rest(found: list[dict[str, Any]]) -> None:
    """A sound node keeps its leaf beside any others, unless one of them claims just that."""
    documents = {"sound": by_lldp("a leaf of its own")}
    fabrics: list[FabricDocument] = []
    for number, each in enumerate(found):
        try:
            documents[f"n{number}"] = read_node(said(**{**each, "version": 1}))
            fabric = {**_FABRIC, **each, "version": 1, "kind": "fabric"}
            fabrics.append(read_fabric(json.dumps(fabric).encode()))
        except DocumentError:
            continue
    nodes = [node(name) for name in documents]

    beliefs = merge(nodes, Sight(nodes={}, fabrics=fabrics))
    assert all(belief.kept for belief in beliefs.values())
    beliefs = merge(nodes, _sight(documents, fabrics))
    assert beliefs["sound"].tiers == ("a-leaf-of-its-own-" + beliefs["sound"].tiers[0][-8:],)
    for each_node in nodes:
        json.dumps(change(each_node, beliefs[each_node.name]))


def _sight(documents: dict[str, NodeDocument], fabrics: list[FabricDocument]) -> Sight:
    return Sight(nodes={n: Seen(document=d) for n, d in documents.items()}, fabrics=fabrics)


def fetcher(
    access: Access | None = None, *, timeout: float = PATIENCE, most: int = 1000
) -> Fetcher:
    return Fetcher(access or Access(), timeout=timeout, most=most)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (pages.endless, "longer than 1000 bytes"),
        (pages.document(b"no", status=503), "HTTP 503"),
        (pages.elsewhere("http://127.0.0.1:1/x"), "HTTP 302"),
    ],
)
def test_an_answer_is_bounded_in_every_way(answer: Callable[..., None], why: str) -> None:
    with pages.serving() as served:
        served.answers["/x"] = answer

        with pytest.raises(FetchError, match=why):
            fetcher().get(f"{served.url}/x")


def test_an_answer_byte_by_byte_is_not_waited_for_beyond_the_timeout() -> None:
    """Without a limit for all of it this never ends; where the machine stalls, a byte is late."""
    with pages.serving() as served:
        served.answers["/x"] = pages.trickling

        with pytest.raises(FetchError, match=r"longer than 1 s|timed out"):
            fetcher(timeout=1).get(f"{served.url}/x")


def test_a_server_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(FetchError, match="refused"):
        fetcher().get("http://127.0.0.1:1/topology")


def test_each_source_is_shown_its_own_credentials(tmp_path: Path) -> None:
    file = tmp_path / "access.yaml"
    pattern = "http://{address}:9410/topology"
    file.write_text(
        f"'{pattern}': {{authorization: {{credentials: secret}}}}\n"
        "http://fabric:9410/fabric: {basic_auth: {username: me, password: you}}\n"
    )
    ways = load(str(file), (pattern, "http://fabric:9410/fabric"), FLAGS)

    with pages.serving() as served:
        served.answers["/x"] = pages.document(b"{}")
        for way in (*ways.values(), Access()):
            fetcher(way).get(f"{served.url}/x")
        in_url = Fetcher(Access(), timeout=PATIENCE, most=9, url="http://in:url@{address}/x")
        in_url.get(f"{served.url}/x")

        sent = [headers.get("Authorization") for _, headers in served.asked]
        assert sent == ["Bearer secret", "Basic bWU6eW91", None, "Basic aW46dXJs"]

    with pytest.raises(ProgramError, match=r"no --topology\.exporter-url or"):
        load(str(file), (pattern,), FLAGS)


def test_a_server_is_trusted_by_the_authority_that_is_named_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with pages.serving(authority.issue("exporter")) as served:
        served.answers["/x"] = pages.document(b"{}", tag='"1"')
        file = tmp_path / "access.yaml"
        file.write_text(f"{served.url}/x: {{tls_config: {{ca_file: {authority.cert}}}}}\n")
        ways = load(str(file), (f"{served.url}/x",), FLAGS)

        told = patiently(fetcher(ways[f"{served.url}/x"]), f"{served.url}/x")
        assert (told.body, told.tag) == (b"{}", '"1"')
        with pytest.raises(FetchError, match="certificate verify failed"):
            patiently(fetcher(), f"{served.url}/x")


def patiently(asking: Fetcher, url: str) -> Answer:
    """Ask until nothing is late: a connection is waited for two seconds, whatever the timeout."""

    def asked() -> Answer | None:
        try:
            return asking.get(url)
        except FetchError as error:
            if "timed out" not in str(error):
                raise
            return None

    return wait_until(asked, what=url)


class Sources:
    """Answers by URL; what is not there cannot be reached."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | None] = {}
        self.age = 0.0
        self.asked: list[tuple[str, str]] = []

    def get(self, url: str, tag: str = "") -> Answer:
        self.asked.append((url, tag))
        if url not in self.answers:
            raise FetchError("nobody is there")
        return Answer(body=self.answers[url], tag="1", age=self.age)


class World:
    """A reader, its sources and its clock."""

    def __init__(self, *names: str, fabric: bool = False, rate: float = 1000.0) -> None:
        self.clock, self.sources, self.fabric = Clock(), Sources(), Sources()
        self.counted: list[tuple[str, str]] = []
        terms = Terms(
            url="http://{address}/{node}",
            fabric_urls=("http://fabric",) if fabric else (),
            rate=rate,
            grace=60,
        )
        self.stop = threading.Event()
        self.reader = Reader(
            terms,
            self.sources,
            [self.fabric] if fabric else [],
            self.stop,
            lambda *told: self.counted.append(told),
            self.clock,
        )
        self.nodes = [node(name) for name in names]
        for name in names:
            self.sources.answers[f"http://127.0.0.1/{name}"] = said()

    def look(self) -> Sight:
        return self.reader.look(self.nodes)

    def wait(self, seconds: float) -> "World":
        self.clock.now += seconds
        return self


def test_the_last_document_counts_for_the_grace() -> None:
    world = World("a")
    first = world.look().nodes["a"]
    assert first.document is not None

    world.sources.answers.clear()
    assert world.wait(59).look().nodes["a"] == first
    lost = world.wait(2).look().nodes["a"]
    assert (lost.document, lost.blind, lost.reason) == (None, False, "unreachable")

    world.sources.answers["http://127.0.0.1/a"] = None  # nothing has changed
    assert world.look().nodes["a"] == first
    assert [tag for _, tag in world.sources.asked] == ["", "1", "1", "1"]
    assert set(world.counted) == {
        ("exporter", "read"),
        ("exporter", "unreachable"),
        ("exporter", "unchanged"),
    }


def test_a_node_that_was_never_read_is_blind_for_the_grace() -> None:
    world = World("a")
    world.sources.answers.clear()

    assert world.look().nodes["a"].blind
    assert not world.wait(61).look().nodes["a"].blind


def test_a_document_is_as_old_as_its_server_says() -> None:
    """An exporter whose worker hangs serves its last one for ever."""
    world = World("a")
    world.look()
    world.sources.age = 3600

    assert world.wait(120).look().nodes["a"].document is None


def test_nonsense_is_forgotten_after_the_grace_like_silence() -> None:
    world = World("a")
    world.look()
    world.sources.answers["http://127.0.0.1/a"] = b"nonsense"

    assert world.look().nodes["a"].document is not None
    assert world.wait(61).look().nodes["a"].reason == "malformed"


def test_a_node_that_answers_elsewhere_is_another_one() -> None:
    world = World("a")
    world.look()
    world.sources.answers.clear()
    world.nodes = [replace(world.nodes[0], address="::1")]

    found = world.look().nodes["a"]

    assert found.document is None
    assert world.sources.asked[-1] == ("http://[::1]/a", "")
    world.nodes = []
    assert not world.look().nodes


def test_a_fabric_that_was_not_seen_whole_is_not_believed() -> None:
    world = World(fabric=True)
    world.fabric.answers["http://fabric"] = fabric_bytes(rails())
    assert len(world.look().fabrics) == 1

    world.fabric.answers["http://fabric"] = fabric_bytes(rails(), complete=False)
    assert len(world.wait(59).look().fabrics) == 1
    late = world.wait(2).look()
    assert (late.fabrics, late.blind) == ((), False)
    assert ("fabric", "incomplete") in world.counted


def test_servers_are_asked_at_the_rate_and_no_more_once_it_ends() -> None:
    burst, rate, asked = 32, 32, 40
    world = World(*(f"n{n}" for n in range(512)), rate=rate)

    def counted(_document: str, _result: str) -> None:
        if len(world.sources.asked) >= asked:
            world.stop.set()

    world.reader.counted = counted
    began = time.monotonic()

    world.look()

    brought = rate * (time.monotonic() - began)
    assert asked <= len(world.sources.asked) <= min(burst + brought, asked + burst)
