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


def until_true(holds: Callable[[], None], *, within: float = PATIENCE, every: float = 0.3) -> None:
    """Return once all is true that `holds` asserts; AssertionError says what is wrong to the end.

    For what several programs say, each at its own time, and not for a moment after a long stall.
    """
    wrong: list[AssertionError] = []

    def check() -> bool:
        try:
            holds()
        except AssertionError as error:
            wrong[:] = [error]
            return False
        return True

    try:
        wait_until(check, within=within, every=every)
    except TimeoutError:
        raise wrong[0] from None
