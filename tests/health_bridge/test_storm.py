"""Two hundred nodes that fail at one moment, on the real servers."""

from collections import Counter
from collections.abc import Iterator

import pytest

from testbed.waiting import wait_until
from tests.health_bridge import fleets
from tests.health_bridge.site import Site, bridge
from tests.health_bridge.test_loop import cycles

pytestmark = pytest.mark.cluster

NODES = 200
BUDGET = 20


@pytest.fixture
def names(site: Site) -> Iterator[list[str]]:
    made = fleets.add_fleet(site, "storm", NODES)
    yield made
    site.exporters.stop_all(made)
    for name in made:
        site.cluster.api.delete(f"/api/v1/nodes/{name}")


def statuses(site: Site) -> Counter[str | None]:
    return Counter(
        fleets.condition(each, "GpuUnavailable") for each in fleets.documents(site, "storm")
    )


def test_a_storm_is_written_whole_and_taints_no_more_than_the_budget(
    site: Site, names: list[str]
) -> None:
    """Its only source is Prometheus: what that has not confirmed yet would be avoided first."""
    source = f"--prometheus.url={site.prometheus.url}"
    with bridge(site, "storm", source, f"--budget.fleet={BUDGET}", sources=False) as process:
        wait_until(lambda: statuses(site) == {"False": NODES}, every=0.5)
        site.exporters.lose_gpus(names)
        wait_until(lambda: statuses(site) == {"True": NODES}, every=0.5)
        cycles(process, 2)
        taints = process.metric('railwatch_bridge_steps_total{kind="set_taint"}')
        conflicts = process.metric('railwatch_bridge_api_errors_total{kind="conflict"}')

    nodes = fleets.documents(site, "storm")
    tainted = [
        each["metadata"]["name"]
        for each in nodes
        if any(t["key"].startswith("railwatch.io/") for t in each["spec"].get("taints", []))
    ]
    assert len(tainted) == taints == BUDGET
    assert conflicts == 0
    assert all(fleets.condition(each, "Ready") == "True" for each in nodes)
    assert all(each["metadata"]["annotations"]["kwok.x-k8s.io/node"] == "fake" for each in nodes)
