from collections.abc import Iterator

import pytest

from tests.health_bridge.site import Site, running_site


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """All the servers, once for every test of the bridge."""
    with running_site() as running:
        yield running
