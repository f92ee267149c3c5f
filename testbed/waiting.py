"""Waiting for something to become so: short polls and a deadline, never a fixed sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    check: Callable[[], T | None], *, within: float = 10.0, what: str = "", every: float = 0.05
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
