"""The made-up fleet has no name and no label that the real programs do not expose."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from catalog.neighbours_index import by_program, by_series
from catalog.registry import by_name
from testbed import showcase
from testbed.ibsim import PACKAGES
from tests.alerts.neighbours.test_names import EXPOSED, TARGET
from tests.dashboards import exposed
from tests.dashboards.exposed import Exposed
from tests.exporters.uplink.lines import in_namespaces
from tests.health_bridge.site import Site, running_site
from tests.packages import needs

pytestmark = pytest.mark.cluster

TESTS = Path(__file__).parents[1]

UNTOLD: Mapping[str, str] = {
    "railwatch_rdma_ethernet_fec_uncorrectable_blocks_total": "exporters/rdma/test_roce.py",
    "railwatch_rdma_ethernet_pause_seconds_total": "exporters/rdma/test_roce.py",
    "railwatch_rdma_module_flags": "exporters/rdma/test_modules.py",
    "railwatch_rdma_module_info": "exporters/rdma/test_modules.py",
    "railwatch_rdma_pod_queue_pairs": "exporters/rdma/test_netlink.py",
    "railwatch_rdma_port_bit_error_ratio": "exporters/rdma/test_history.py",
    "railwatch_rdma_rail_miscabled": "exporters/topology/test_lldp.py",
    "railwatch_uplink_pod_receive_bytes_total": "exporters/uplink/test_interfaces.py",
    "railwatch_uplink_pod_transmit_bytes_total": "exporters/uplink/test_interfaces.py",
    "railwatch_scheduler_watch_failures_total": "scheduler_feedback/test_watch.py",
}
"""What a program does not tell here, and the test in which it does.

The kernel's own sockets cannot be simulated below a process; a bit error ratio takes minutes; no
switch says what it is, no pod is behind the line, and no watch fails.
"""

NODE = frozenset({"node"})
"""What a scrape of the exporter adds; other programs say themselves which node they mean."""
RUN_FOR_REAL = ("kube-state-metrics", "kube-apiserver", "kube-scheduler", "blackbox_exporter")
"""Neighbours that tests run; of the others fixtures were written from their sources."""
EVERY = 300
"""Seconds of the story from one look at it to the next."""


@pytest.fixture(scope="module")
def shown() -> Exposed:
    """Return the labels of everything that is shown at some time of the story, by name."""
    found: dict[str, set[str]] = defaultdict(set)
    for at in range(0, showcase.HOURS * 3600, EVERY):
        for each in showcase.samples(at):
            found[each.name] |= {name for name, value in each.labels.items() if value}
    return found


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


def of(shown: Exposed, *prefixes: str) -> set[str]:
    """Return the names with these prefixes that a program should tell here."""
    names = {name for name in shown if name.startswith(prefixes)} - set(UNTOLD)
    assert names
    return names


def invented(
    shown: Exposed, names: set[str], told: Exposed, target: frozenset[str] = frozenset()
) -> dict[str, set[str]]:
    """Return what no program tells: names without labels, and the labels of others."""
    return {
        name: shown[name] - told.get(name, set()) - target
        for name in names
        if name not in told or shown[name] - told[name] - target
    }


def test_the_exporter_tells_what_is_shown_of_nodes(shown: Exposed) -> None:
    kinds = ("railwatch_gpu_", "railwatch_rdma_", "railwatch_node_", "railwatch_exporter_")
    names = of(shown, *kinds)

    assert invented(shown, names, exposed.of_exporter(names), NODE) == {}


@in_namespaces
def test_the_exporter_tells_what_is_shown_of_lines(shown: Exposed) -> None:
    names = of(shown, "railwatch_uplink_")

    assert invented(shown, names, exposed.of_uplink(names), NODE) == {}


@needs(*PACKAGES)
def test_the_fabric_collector_tells_what_is_shown_of_the_fabric(shown: Exposed) -> None:
    names = of(shown, "railwatch_fabric_")

    assert invented(shown, names, exposed.of_fabric(), NODE) == {}


def test_the_bridge_tells_what_is_shown_of_it(shown: Exposed, site: Site) -> None:
    names = of(shown, "railwatch_bridge_")

    assert invented(shown, names, exposed.of_bridge(site, names)) == {}


def test_the_scheduler_tells_what_is_shown_of_it(shown: Exposed, site: Site) -> None:
    names = of(shown, "railwatch_scheduler_")

    assert invented(shown, names, exposed.of_scheduler(site, names)) == {}


def test_kube_state_metrics_tells_what_is_shown_of_pods_and_nodes(
    shown: Exposed, site: Site
) -> None:
    names = of(shown, "kube_")

    assert invented(shown, names, exposed.of_kube_state_metrics(site.cluster, names)) == {}


def test_kube_apiserver_tells_what_is_shown_of_those_who_ask(shown: Exposed, site: Site) -> None:
    names = of(shown, "apiserver_")

    assert invented(shown, names, exposed.of_kube_apiserver(site.cluster, names)) == {}


def test_kube_scheduler_tells_what_is_shown_of_pods_and_their_groups(
    shown: Exposed, site: Site
) -> None:
    names = of(shown, "scheduler_")

    assert invented(shown, names, exposed.of_kube_scheduler(site.cluster, names)) == {}


def test_the_other_neighbours_tell_what_is_shown_of_them(shown: Exposed) -> None:
    real = {metric.name for program in RUN_FOR_REAL for metric in by_program()[program]}
    names = {name for name, metric in by_series().items() if metric.name not in real}

    assert len(names & set(shown)) > 100
    assert invented(shown, names & set(shown), EXPOSED, frozenset(TARGET)) == {}


def test_what_is_told_elsewhere_has_the_labels_of_the_catalogue(shown: Exposed) -> None:
    known = by_name()

    for name, test in UNTOLD.items():
        assert shown[name] - NODE <= set(known[name].labels)
        assert (TESTS / test).is_file()


def test_a_label_that_nobody_tells_is_found() -> None:
    told = {"a": {"x"}, "b": {"x", "y"}}

    assert invented({"a": {"x", "y"}, "b": {"x"}, "c": set()}, {"a", "b", "c"}, told) == {
        "a": {"y"},
        "c": set(),
    }
