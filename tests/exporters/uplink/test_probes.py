"""Probes: what is made of their results, and how they fare on real and on bad lines."""

import contextlib
import math
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.errors import NotPermitted
from exporters.facility import State
from exporters.runtime import run
from exporters.uplink import attempts, probes, worker
from exporters.uplink.attempts import checksum, open_icmp
from exporters.uplink.config import Peer
from exporters.uplink.prober import Prober
from exporters.uplink.record import Record, jitter, statistics
from testbed.namespaces import Namespace
from testbed.relay import FAR_ADDRESS, line
from testbed.waiting import wait_until
from tests.budget import examples
from tests.exporters.uplink.lines import in_namespaces

TCP = Peer(line="dc", name="gw", kind="tcp", address="127.0.0.1", port=1, interval=0.1, timeout=0.5)
ICMP = replace(TCP, kind="icmp", port=0)


def of_record(record: Record) -> dict[str, float]:
    return {
        "/".join((s.metric.name.removeprefix("railwatch_uplink_"), *s.labels[3:])): s.value
        for s in record.samples(TCP.labels)
    }


class Told:
    """What a prober tells of one kind, by metric and labels after the line's and the peer's."""

    def __init__(self, prober: Prober, kind: str) -> None:
        self.values = {
            "/".join(
                (s.metric.name.removeprefix("railwatch_uplink_"), s.labels[1], *s.labels[3:])
            ): (s.value)
            for s in prober.samples(kind)
        }

    def results(self, peer: str = "gw") -> dict[str, float]:
        prefix = f"probes_total/{peer}/"
        return {k.removeprefix(prefix): v for k, v in self.values.items() if k.startswith(prefix)}


Start = Callable[..., Prober]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(*peers: Peer, make: Any = attempts.attempt) -> Prober:
            prober = Prober(make)
            prober.start()
            stack.callback(prober.stop)
            prober.probe(peers)
            return prober

        yield begin


def after(prober: Prober, kind: str, enough: Callable[[Told], bool]) -> Told:
    """Return what is told once it is enough."""

    def look() -> Told | None:
        found = Told(prober, kind)
        return found if enough(found) else None

    return wait_until(look, what=f"probes: {Told(prober, kind).values}", every=0.02)


def counted(result: str, least: int, peer: str = "gw") -> Callable[[Told], bool]:
    return lambda found: found.results(peer).get(result, 0) >= least


def test_a_record_tells_totals_and_what_the_window_shows() -> None:
    record = Record(interval=1.0)
    for seconds in (0.010, 0.030, 0.020):
        record.take("answered", seconds)
    record.take("timeout", 1.0)

    found = of_record(record)

    assert found["probes_total/answered"] == 3
    assert found["probes_total/timeout"] == 1
    assert found["probes_total/refused"] == 0
    assert found["probe_round_trip_seconds_total"] == pytest.approx(0.060)
    assert found["probe_loss_ratio"] == 0.25
    assert found["probe_success"] == 0
    assert found["probe_jitter_seconds"] == pytest.approx(0.015)
    shown = {k.rpartition("/")[2]: v for k, v in found.items() if "trip_seconds/" in k}
    assert shown == pytest.approx(
        {"last": 0.02, "min": 0.01, "mean": 0.02, "median": 0.02, "p95": 0.03, "max": 0.03}
    )


def test_a_record_without_probes_tells_no_round_trip_and_no_loss() -> None:
    found = of_record(Record(interval=1.0))

    assert set(found.values()) == {0}
    assert {name.partition("/")[0] for name in found} == {
        "probes_total",
        "probe_round_trip_seconds_total",
    }


def test_the_window_forgets_and_the_totals_do_not() -> None:
    record = Record(interval=60.0)  # the window then holds ten
    for _ in range(10):
        record.take("timeout", 1.0)
    for _ in range(10):
        record.take("answered", 0.5)

    found = of_record(record)

    assert found["probe_loss_ratio"] == 0
    assert found["probes_total/timeout"] == 10


@given(st.lists(st.floats(1e-6, 10), min_size=2, max_size=80))
@settings(max_examples=examples(100), deadline=None)
def test_statistics_are_in_their_order(trips: list[float]) -> None:
    last, least, mean, median, p95, greatest = statistics(trips)

    assert last == trips[-1]
    assert least == min(trips)
    assert greatest == max(trips)
    assert least <= median <= p95 <= greatest
    assert math.isclose(mean, fmean(trips))
    assert sum(trip <= p95 for trip in trips) >= 0.95 * len(trips)
    assert 0 <= jitter(trips) <= (greatest - least) * (1 + 1e-9)


@given(st.binary(min_size=2, max_size=64).filter(lambda data: len(data) % 2 == 0))
@settings(max_examples=examples(50), deadline=None)
def test_a_packet_with_its_checksum_sums_to_nothing(data: bytes) -> None:
    assert checksum(data + checksum(data).to_bytes(2)) == 0


@contextmanager
def nobody() -> Iterator[int]:
    """Yield a port that is taken and that nobody listens on: who comes is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def listener(address: str = "127.0.0.1", port: int = 0) -> socket.socket:
    return socket.create_server((address, port))


def test_a_listener_answers_and_nobody_refuses(start: Start) -> None:
    with listener() as server, nobody() as port:
        here = replace(TCP, port=server.getsockname()[1])
        prober = start(here, replace(TCP, name="nobody", port=port))

        def enough(found: Told) -> bool:
            both = counted("answered", 2)(found) and counted("refused", 2, "nobody")(found)
            return both and found.values["probe_success/gw"] == 1

        found = after(prober, "tcp", enough)

    assert found.values["probe_round_trip_seconds/gw/min"] > 0
    assert found.values["probe_success/nobody"] == 0
    assert found.values["probe_loss_ratio/nobody"] == 1
    assert "probe_round_trip_seconds/nobody/last" not in found.values


def test_a_queue_that_is_full_is_a_timeout_and_none_is_waited_for(start: Start) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        for _ in range(3):  # whoever comes after these gets no answer to his first packet
            one = stack.enter_context(socket.socket())
            one.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                one.connect(address)
        prober = start(replace(TCP, port=address[1], timeout=0.1))

        found = after(prober, "tcp", counted("timeout", 2))

    assert found.values["probe_loss_ratio/gw"] == 1


@in_namespaces
def test_without_a_way_to_him_a_peer_is_unreachable() -> None:
    with Namespace() as nowhere, ExitStack() as stack:
        prober = Prober()
        nowhere.inside(prober.start)
        stack.callback(prober.stop)
        prober.probe((replace(TCP, address="10.9.9.9"), replace(ICMP, address="10.9.9.9")))

        tcp = after(prober, "tcp", counted("unreachable", 2))
        icmp = after(prober, "icmp", counted("unreachable", 2))

    assert tcp.values["probe_loss_ratio/gw"] == icmp.values["probe_loss_ratio/gw"] == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_icmp_echo_is_answered(start: Start, address: str) -> None:
    peer = replace(ICMP, address=address)
    permitted(peer)
    prober = start(peer)

    found = after(prober, "icmp", counted("answered", 3))

    assert found.values["probe_round_trip_seconds/gw/mean"] > 0
    assert found.values["probe_jitter_seconds/gw"] >= 0


def permitted(peer: Peer) -> None:
    """Skip where this machine does not permit an echo to a peer."""
    try:
        open_icmp(peer).close()
    except NotPermitted as refused:
        pytest.skip(str(refused))


def test_peers_that_stay_keep_their_records_when_others_change(start: Start) -> None:
    with listener() as server, nobody() as port:
        stays = replace(TCP, port=server.getsockname()[1])
        goes, comes = (replace(TCP, name=n, port=port) for n in ("goes", "comes"))
        prober = start(stays, goes)
        before = after(prober, "tcp", counted("answered", 2)).results()["answered"]

        prober.probe((stays, comes))
        found = after(prober, "tcp", counted("refused", 1, "comes"))

    assert found.results()["answered"] >= before
    assert found.results("goes") == {}


def refuse(_peer: Peer) -> attempts.Attempt:
    raise NotPermitted("neither permits ICMP echo")


def test_without_permission_icmp_is_absent_with_a_word(start: Start) -> None:
    prober = start(ICMP, make=refuse)
    session = object.__new__(worker.ProbeSession)
    session._prober = prober

    outcome = session._told(run(probes.ICMP_PROBES, (prober,)), "icmp")

    assert (outcome.state, outcome.samples) == (State.ABSENT, ())
    assert outcome.problem == "neither permits ICMP echo"


def test_a_prober_that_has_ended_is_a_failure_with_its_last_words(start: Start) -> None:
    class Broken(attempts.TcpAttempt):
        def begin(self) -> str | None:
            raise ZeroDivisionError("no such luck")

    prober = start(TCP, make=Broken)
    wait_until(lambda: prober._problem)

    outcome = run(probes.TCP_PROBES, (prober,))

    assert outcome.state is State.FAILED
    assert outcome.problem == "the probes have ended: ZeroDivisionError: no such luck"


@in_namespaces
class TestOnALongAndLossyLine:
    def probe(
        self, *, delay: float, loss: float, enough: Callable[[Told], bool], timeout: float = 0.3
    ) -> tuple[Told, Told]:
        """Return what TCP and ICMP probes find once either is enough."""
        with line(delay=delay, loss=loss) as both, ExitStack() as stack:
            server = both.far.inside(lambda: listener(FAR_ADDRESS, 9000))
            stack.enter_context(server)
            prober = Prober()
            both.near.inside(prober.start)
            stack.callback(prober.stop)
            far = replace(TCP, address=FAR_ADDRESS, port=9000, timeout=timeout)
            prober.probe((far, replace(far, kind="icmp", port=0)))
            return after(prober, "tcp", enough), after(prober, "icmp", enough)

    def test_the_round_trip_is_twice_the_delay(self) -> None:
        answered = counted("answered", 3)
        for found in self.probe(delay=0.03, loss=0.0, enough=answered, timeout=1.0):
            assert found.values["probe_round_trip_seconds/gw/min"] >= 0.06

    def test_what_is_lost_is_told_as_lost(self) -> None:
        def both(found: Told) -> bool:
            return counted("timeout", 3)(found) and counted("answered", 1)(found)

        for found in self.probe(delay=0.001, loss=0.4, enough=both):
            results = found.results()
            share = results["timeout"] / sum(results.values())
            assert found.values["probe_loss_ratio/gw"] == pytest.approx(share)

    def test_a_dead_line_answers_nothing(self) -> None:
        def three(found: Told) -> bool:
            return sum(found.results().values()) >= 3

        for found in self.probe(delay=0.0, loss=1.0, enough=three):
            assert found.values["probe_loss_ratio/gw"] == 1
            assert found.values["probe_success/gw"] == 0
            assert found.results()["answered"] == 0
