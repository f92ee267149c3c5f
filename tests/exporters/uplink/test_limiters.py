"""Traffic control: of the kernel where it has it, else on bytes made after its code."""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from pyroute2.netlink.rtnl.tcmsg import tcmsg

from exporters.facility import Outcome, State
from exporters.uplink import limiters
from exporters.uplink.rtnetlink import Rtnetlink
from exporters.uplink.tc import TCMSG
from exporters.uplink.view import View
from testbed import rtnetlink as bed
from testbed.namespaces import Namespace
from testbed.nldev import message, table
from testbed.waiting import wait_until
from tests.exporters.uplink.lines import in_namespaces, names, told, values, view

Look = Callable[..., View]

LINE = {"name": "dc", "interfaces": ["up0"]}
GIGABYTE = 1_000_000_000


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with Namespace() as made:
        made.pair("up0", "far0")
        made.ip("addr", "add", "10.9.0.1/24", "dev", "up0")
        made.ip("neigh", "add", "10.9.0.2", "lladdr", "02:00:00:00:00:02", "dev", "up0")
        yield made


@pytest.fixture
def look(namespace: Namespace, tmp_path: Path) -> Iterator[Look]:
    """What a reading in the namespace tells of up0, and of what else the line has."""
    with ExitStack() as stack:

        def open_view(**line: object) -> View:
            shown = namespace.inside(lambda: view(tmp_path, None, {**LINE, **line}))
            stack.callback(shown.kernel.close)
            return shown

        yield open_view


def send(namespace: Namespace, count: int, size: int = 1000) -> None:
    """Send a burst of datagrams out of up0."""

    def burst() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(count):
                sender.sendto(bytes(size), ("10.9.0.2", 9))

    namespace.inside(burst)


@in_namespaces
class TestOnThisKernel:
    def test_a_tbf_that_throttles_is_seen(self, namespace: Namespace, look: Look) -> None:
        namespace.tc(
            *("qdisc", "add", "dev", "up0", "root", "handle", "5:", "tbf"),
            *("rate", "800bit", "burst", "5000", "limit", "10000"),  # so that the queue stays
        )
        shown = look()

        send(namespace, 50)
        found = values(told(limiters.FACILITY, shown))

        at = "/up0/qdisc/tbf/5:/root"
        assert found[f"tc_rate_bytes_per_second{at}"] == 100
        assert found[f"tc_burst_bytes{at}"] == pytest.approx(5000, rel=0.01)
        assert found[f"tc_drops_total{at}"] > 20
        assert found[f"tc_overlimits_total{at}"] > 0
        assert found[f"tc_backlog_bytes{at}"] > 1000
        assert found[f"tc_backlog_packets{at}"] > 1
        assert 1000 < found[f"tc_bytes_total{at}"] < 15_000

    def test_an_htb_tells_each_class_and_rates_of_more_than_32_bits(
        self, namespace: Namespace, look: Look
    ) -> None:
        for arguments in (
            "qdisc add dev up0 root handle 1: htb default 20 r2q 100000",
            "class add dev up0 parent 1: classid 1:1 htb rate 80gbit ceil 160gbit",
            "class add dev up0 parent 1:1 classid 1:20 htb rate 80bit ceil 80bit burst 1600",
            "qdisc add dev up0 parent 1:20 handle 20: pfifo limit 5",
        ):
            namespace.tc(*arguments.split())
        shown = look()

        send(namespace, 30)
        found = values(told(limiters.FACILITY, shown))

        assert found["tc_rate_bytes_per_second/up0/class/htb/1:1/root"] == 10e9
        assert found["tc_ceiling_bytes_per_second/up0/class/htb/1:1/root"] == 20e9
        assert found["tc_rate_bytes_per_second/up0/class/htb/1:20/1:1"] == 10
        assert found["tc_overlimits_total/up0/class/htb/1:20/1:1"] > 0
        assert found["tc_drops_total/up0/class/htb/1:20/1:1"] > 0
        assert found["tc_backlog_packets/up0/qdisc/pfifo/20:/1:20"] == 5
        assert found["tc_drops_total/up0/qdisc/htb/1:/root"] > 0

    @pytest.mark.parametrize("kind", ["ingress", "clsact"])
    def test_what_is_dropped_on_its_way_in_is_seen(
        self, namespace: Namespace, look: Look, kind: str
    ) -> None:
        namespace.tc("qdisc", "add", "dev", "far0", kind)
        hook = ["parent", "ffff:"] if kind == "ingress" else ["ingress"]
        # A classic BPF program that returns TC_ACT_SHOT, whatever comes.
        drop = ["bpf", "direct-action", "bytecode", "1,6 0 0 2,"]
        namespace.tc("filter", "add", "dev", "far0", *hook, *drop)
        shown = look(limiters=["far0"])

        send(namespace, 7)
        found = values(told(limiters.FACILITY, shown))

        assert found[f"tc_drops_total/far0/qdisc/{kind}/ffff:/ingress"] >= 7
        assert found[f"tc_bytes_total/far0/qdisc/{kind}/ffff:/ingress"] >= 7 * 1000

    def test_a_filter_without_a_policer_tells_nothing(
        self, namespace: Namespace, look: Look
    ) -> None:
        namespace.tc("qdisc", "add", "dev", "up0", "ingress")
        namespace.tc(
            *("filter", "add", "dev", "up0", "parent", "ffff:", "protocol", "ip", "u32"),
            *("match", "u32", "0", "0", "action", "mirred", "egress", "redirect", "dev", "lo"),
        )

        outcome = told(limiters.FACILITY, look())

        assert outcome.state is State.OK
        assert not [name for name in values(outcome) if "policer" in name]

    def test_pyroute2_reads_the_same_numbers(self, namespace: Namespace, look: Look) -> None:
        for arguments in (
            "qdisc add dev up0 root handle 1: htb default 1 r2q 100000",
            "class add dev up0 parent 1: classid 1:1 htb rate 80gbit",
        ):
            namespace.tc(*arguments.split())
        send(namespace, 20)
        shown = look()
        (link,) = (one for one in shown.links if one.name == "up0")
        with closing(namespace.inside(Rtnetlink)) as kernel:

            def same() -> bool:
                """Look with both, until nothing was sent between the two."""
                theirs = passed_by_pyroute2(kernel, link.index)
                found = values(told(limiters.FACILITY, shown))
                return {name: found[name] for name in theirs} == theirs and all(theirs.values())

            wait_until(same, what="the same numbers")


def passed_by_pyroute2(kernel: Rtnetlink, index: int) -> dict[str, float]:
    """Return the bytes that passed an HTB and its class, by our names."""
    bodies = [*kernel.dump(bed.GET_QDISC, TCMSG.pack(0, 0, 0, 0, 0), "qdiscs")]
    bodies += kernel.dump(bed.GET_CLASS, TCMSG.pack(0, index, 0, 0, 0), "classes")
    passed = {
        f"tc_bytes_total/up0/{what}/htb/{handle}": peer.get_attr("TCA_STATS2").get_attr(
            "TCA_STATS_BASIC"
        )["bytes"]
        for peer in map(by_pyroute2, bodies)
        if peer["index"] == index
        for what, handle in (("class", "1:1/root"), ("qdisc", "1:/root"))
        if (peer["handle"] & 0xFFFF != 0) == (what == "class")
    }
    assert len(passed) == 2
    return passed


def by_pyroute2(body: bytes) -> Any:
    """Return a message as the library decodes it."""
    decoded = tcmsg(message(36, 1, body))
    decoded.decode()
    return decoded


def read(kernel: bed.SimulatedRtnetlink, folder: Path, **line: object) -> Outcome:
    return told(limiters.FACILITY, view(folder, kernel, {**LINE, **line}))


def simulated(*qdiscs: bytes) -> bed.SimulatedRtnetlink:
    return bed.SimulatedRtnetlink(links=[bed.link(2, "up0")], qdiscs=list(qdiscs))


COUNTED = bed.statistics(5000, 7, drops=3, overlimits=4, backlog=600, waiting=2, requeues=1)


def test_a_policer_is_seen_whichever_filter_holds_it(tmp_path: Path) -> None:
    kernel = simulated(bed.traffic_control(2, "clsact", handle=bed.INGRESS, parent=bed.CLSACT))
    for number, (filtering, options_at) in enumerate(
        {"u32": 7, "flower": 3, "matchall": 2, "bpf": 1}.items()
    ):
        policed = bed.action(1, "police", bed.police(number, 1000, 500), COUNTED)
        other = bed.action(2, "gact", b"", COUNTED)
        options = table(options_at, other, policed)
        hook = bed.CLSACT_EGRESS if number == 3 else bed.CLSACT_INGRESS
        kernel.filters.setdefault((2, hook), []).append(
            bed.traffic_control(2, filtering, handle=1, parent=hook, options=options)
        )

    found = values(read(kernel, tmp_path))

    for number in range(4):
        at = f"/up0/policer/police/{number}/{'egress' if number == 3 else 'ingress'}"
        assert found[f"tc_rate_bytes_per_second{at}"] == 1000
        assert found[f"tc_burst_bytes{at}"] == pytest.approx(500, abs=1)
        assert found[f"tc_bytes_total{at}"] == 5000
        assert found[f"tc_packets_total{at}"] == 7
        assert found[f"tc_drops_total{at}"] == 3
        assert found[f"tc_overlimits_total{at}"] == 4
        assert f"tc_backlog_bytes{at}" not in found


def test_a_policer_in_the_way_of_old_has_its_counts_in_the_filter(tmp_path: Path) -> None:
    kernel = simulated(bed.traffic_control(2, "ingress", handle=bed.INGRESS, parent=bed.CLSACT))
    kernel.filters[2, bed.INGRESS] = [
        bed.traffic_control(
            2,
            "u32",
            handle=0x80000800,
            parent=bed.INGRESS,
            options=table(6, bed.police(9, 125_000, 10_000)),
            counts=COUNTED,
        )
    ]

    found = values(read(kernel, tmp_path))

    at = "/up0/policer/police/9/ingress"
    assert found[f"tc_rate_bytes_per_second{at}"] == 125_000
    assert found[f"tc_drops_total{at}"] == 3


def test_a_policer_that_filters_share_is_told_once(tmp_path: Path) -> None:
    kernel = simulated(bed.traffic_control(2, "ingress", handle=bed.INGRESS, parent=bed.CLSACT))
    options = table(2, bed.action(1, "police", bed.police(1, 1000, 500), COUNTED))
    one = bed.traffic_control(2, "matchall", handle=1, parent=bed.INGRESS, options=options)
    kernel.filters[2, bed.INGRESS] = [one, one]

    outcome = read(kernel, tmp_path)

    labels = [
        s.labels for s in outcome.samples if s.metric.name == "railwatch_uplink_tc_drops_total"
    ]
    assert labels == [("dc", "up0", "policer", "police", "1", "ingress")]


def test_rates_and_counts_of_more_than_32_bits_are_whole(tmp_path: Path) -> None:
    rate, peak = 50 * GIGABYTE, 60 * GIGABYTE
    kernel = simulated(
        bed.traffic_control(
            2,
            "tbf",
            handle=0x10000,
            parent=bed.ROOT,
            options=bed.tbf(rate, 1 << 20, peak=peak),
            counts=bed.statistics(1 << 50, 1 << 40),
        ),
        bed.traffic_control(2, "cake", handle=0x20000, parent=0x10001, options=bed.cake(rate)),
        bed.traffic_control(2, "ingress", handle=bed.INGRESS, parent=bed.CLSACT),
    )
    wide = bed.police(1, rate, 1 << 20, peak=peak, packets=5_000_000)
    options = table(2, bed.action(1, "police", wide, COUNTED))
    kernel.filters[2, bed.INGRESS] = [
        bed.traffic_control(2, "matchall", handle=1, parent=bed.INGRESS, options=options)
    ]

    found = values(read(kernel, tmp_path))

    assert found["tc_rate_bytes_per_second/up0/qdisc/tbf/1:/root"] == rate
    assert found["tc_ceiling_bytes_per_second/up0/qdisc/tbf/1:/root"] == peak
    assert found["tc_burst_bytes/up0/qdisc/tbf/1:/root"] == pytest.approx(1 << 20, rel=0.01)
    assert found["tc_packets_total/up0/qdisc/tbf/1:/root"] == 1 << 40
    assert found["tc_rate_bytes_per_second/up0/qdisc/cake/2:/1:1"] == rate
    assert found["tc_ceiling_bytes_per_second/up0/policer/police/1/ingress"] == peak
    assert found["tc_rate_packets_per_second/up0/policer/police/1/ingress"] == 5_000_000


def test_an_hfsc_class_has_its_promise_and_its_limit(tmp_path: Path) -> None:
    kernel = simulated(bed.traffic_control(2, "hfsc", handle=0x10000, parent=bed.ROOT, options=b""))
    kernel.classes[2] = [
        bed.traffic_control(
            2, "hfsc", handle=0x10010, parent=0x10000, options=bed.hfsc(share=700, limit=900)
        ),
        bed.traffic_control(
            2, "hfsc", handle=0x10020, parent=0x10000, options=bed.hfsc(real_time=500, share=700)
        ),
    ]

    found = values(read(kernel, tmp_path))

    assert found["tc_rate_bytes_per_second/up0/class/hfsc/1:10/1:"] == 700
    assert found["tc_ceiling_bytes_per_second/up0/class/hfsc/1:10/1:"] == 900
    assert found["tc_rate_bytes_per_second/up0/class/hfsc/1:20/1:"] == 500
    assert "tc_ceiling_bytes_per_second/up0/class/hfsc/1:20/1:" not in found


def test_queues_of_others_interfaces_and_noqueue_are_left_out(tmp_path: Path) -> None:
    kernel = simulated(
        bed.traffic_control(2, "noqueue", handle=0, parent=bed.ROOT, counts=COUNTED),
        bed.traffic_control(3, "fq_codel", handle=0x10000, parent=bed.ROOT, counts=COUNTED),
    )

    assert values(read(kernel, tmp_path)) == {"omitted/limiters": 0}


def test_of_too_many_the_limits_are_kept_and_the_rest_is_counted(tmp_path: Path) -> None:
    queues = [
        bed.traffic_control(2, "fq_codel", handle=0, parent=0x10000 + n, counts=COUNTED)
        for n in range(1, 100)
    ]
    root = bed.traffic_control(2, "mq", handle=0x10000, parent=bed.ROOT, counts=COUNTED)
    limit = bed.traffic_control(
        2, "tbf", handle=0x990000, parent=0x10099, options=bed.tbf(1000, 500), counts=COUNTED
    )

    found = values(read(simulated(*queues, root, limit), tmp_path))

    assert found["omitted/limiters"] == 101 - limiters.MOST
    assert found["tc_rate_bytes_per_second/up0/qdisc/tbf/99:/1:99"] == 1000
    assert "tc_drops_total/up0/qdisc/mq/1:/root" in found
    assert len([name for name in found if name.startswith("tc_drops_total")]) == limiters.MOST


def test_what_makes_no_sense_costs_its_own_series_only(tmp_path: Path) -> None:
    kernel = simulated(
        bed.traffic_control(2, "tbf", handle=0x10000, parent=bed.ROOT, options=b"", counts=COUNTED),
        bed.traffic_control(2, "fq_codel", handle=0x20000, parent=0x10001, counts=COUNTED),
    )

    outcome = read(kernel, tmp_path)

    assert outcome.state is State.FAILED
    assert outcome.problem == "tc tbf: 0 bytes, not 36"
    assert values(outcome)["tc_drops_total/up0/qdisc/fq_codel/2:/1:1"] == 3


def test_an_interface_that_goes_meanwhile_is_no_failure(tmp_path: Path) -> None:
    kernel = simulated(
        bed.traffic_control(2, "htb", handle=0x10000, parent=bed.ROOT, counts=COUNTED)
    )
    kernel.errors = {bed.GET_CLASS: errno.ENODEV, bed.GET_FILTER: errno.EINVAL}

    outcome = read(kernel, tmp_path)

    assert outcome.state is State.OK
    assert values(outcome)["tc_drops_total/up0/qdisc/htb/1:/root"] == 3


@pytest.mark.parametrize("question", [bed.GET_LINK, bed.GET_QDISC])
def test_a_kernel_that_refuses_is_a_failure_with_its_words(tmp_path: Path, question: int) -> None:
    kernel = simulated()
    kernel.errors = {question: errno.EPERM}

    outcome = read(kernel, tmp_path)

    assert outcome.state is State.FAILED
    assert "Operation not permitted" in outcome.problem
    assert names(outcome) == set()


def test_a_line_without_interfaces_asks_nothing(tmp_path: Path) -> None:
    kernel = simulated()

    outcome = told(limiters.FACILITY, view(tmp_path, kernel, {"name": "dc"}))

    assert outcome.state is State.ABSENT
    assert kernel.asked == []
