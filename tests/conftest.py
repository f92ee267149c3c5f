"""Marks the property tests for `make soak`; keeps a test from starting without its packages."""

import pytest

from tests.packages import demand


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
