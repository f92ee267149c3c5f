"""`make demo`: degradation, fault, blindness and repair on real servers; exit 0 if all happened."""

import sys
import time

from program.errors import ProgramError, run
from testbed import tools
from testbed.demo import story
from testbed.demo.leave import leave_running
from testbed.demo.screen import HopMissing, Screen
from testbed.demo.site import BUILD, TOOLS, Site, site

LIMIT_S = 30
"""From the fault to the gang running elsewhere, at a scrape interval of 5 s."""


def main() -> int:
    """Play the demo and return its exit code."""
    return run("demo", _main)


def _main() -> int:
    tools.ensure(*TOOLS)
    screen = Screen()
    began = time.monotonic()
    sys.stdout.write(f"Starting real servers and six simulated hosts; logs in {BUILD}\n")
    with site() as running:
        try:
            _play(running, screen)
        except HopMissing as missing:
            leave_running(running)
            raise ProgramError(f"{missing}; logs in {BUILD}") from None
        screen.table()
        _verdict(screen, time.monotonic() - began)
        leave_running(running)
    return 0


def _play(running: Site, screen: Screen) -> None:
    story.prologue(running, screen)
    avoided = story.degraded(running, screen)
    faulty = story.fault(running, screen, avoided)
    limit = LIMIT_S * screen.patience
    if (took := screen.elapsed(story.FAULT)) > limit:
        raise HopMissing(f"{story.FAULT}: took {took:.0f} s, more than {limit:.0f} s")
    story.blind(running, screen, faulty)
    story.repair(running, screen, faulty)


def _verdict(screen: Screen, total: float) -> None:
    fault = screen.elapsed(story.FAULT)
    sys.stdout.write(
        f"\nFrom the fault to the gang running elsewhere: {fault:.1f} s. "
        f"The whole demo: {total:.0f} s.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
