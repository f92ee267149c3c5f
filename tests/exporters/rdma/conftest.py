"""What a worker keeps open ends with its process: here, where all are one, with its garbage."""

import gc
import os
from collections.abc import Iterator

import pytest

_MANY = 200


@pytest.fixture(autouse=True)
def few_descriptors() -> Iterator[None]:
    """Leave no crowd of open files to the tests that follow."""
    yield
    if len(os.listdir("/proc/self/fd")) > _MANY:  # noqa: PTH208 - counted after each test
        gc.collect()
