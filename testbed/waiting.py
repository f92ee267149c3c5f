"""Waiting for something to become so: short polls and a deadline, never a fixed sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Seconds to wait for what comes at once on a quiet machine: a busy one may stall for many.
PATIENCE = 60.0


def wait_until(
    check: Callable[[], T | None], *, within: float = PATIENCE, what: str = "", every: float = 0.05
) -> T:
    """Return the first truthy answer of `check`; TimeoutError says what did not come in time."""
    deadline = time.monotonic() + within
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {within:g} s: {what or check}")
        time.sleep(every)
