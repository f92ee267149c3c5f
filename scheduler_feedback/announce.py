"""The one Announcer, told what this program's requests to the kube-apiserver raise."""

import time
from collections.abc import Callable

from program.announce import Announcer, Board, Errors
from scheduler_feedback.errors import KubeError, NotFound

COMPONENT = "railwatch-scheduler"
ERRORS = Errors(failure=KubeError, missing=NotFound)


def announcer(
    board: Board,
    counted: Callable[[str], None] = lambda _result: None,
    clock: Callable[[], float] = time.monotonic,
) -> Announcer:
    """Return it; all parts of the program share one, and so its rates."""
    return Announcer(board, ERRORS, component=COMPONENT, counted=counted, clock=clock)
