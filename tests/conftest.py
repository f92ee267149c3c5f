"""Marks the property tests for `make soak`; keeps a test from starting without its packages."""

import pytest
from hypothesis import HealthCheck, settings

from tests.packages import demand

# How long a case takes says more about the machine than about the case.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ask for the system packages that a test needs, before its fixtures are made."""
    demand(item)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever hypothesis drives as `fuzz`."""
    for item in items:
        function = getattr(item, "function", None)
        if getattr(function, "is_hypothesis_test", False):
            item.add_marker(pytest.mark.fuzz)
