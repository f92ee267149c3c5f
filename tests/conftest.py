"""Marks the property tests, so that `make soak` can run them with a larger budget."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever hypothesis drives as `fuzz`."""
    for item in items:
        function = getattr(item, "function", None)
        if getattr(function, "is_hypothesis_test", False):
            item.add_marker(pytest.mark.fuzz)
