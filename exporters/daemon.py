"""The exporter as a program: its command line, and how it begins.

What the workers need is imported before they are forked, so that it is there once. What only the
program needs (the web server, the families' own side) comes after: a page that a fork shares is
there twice as soon as one of the two writes on it.
"""

from exporters import footprint
from exporters.registry import worker_modules
from exporters.settings import add_settings, open_settings
from exporters.zygote import Zygote
from program.flags import parser
from program.surface import add_surface, open_surface

NAME = "railwatch-exporter"

_ABOUT = "Exports the state of this node's GPUs and RDMA ports; never waits on any of them."


def main() -> int:
    """Read the command line and do what it says."""
    footprint.give_back_early()
    arguments = parser(NAME, _ABOUT)
    add_settings(arguments)
    add_surface(arguments, ":9410")
    parsed = arguments.parse_args()
    settings, surface = open_settings(parsed), open_surface(parsed)
    del arguments, parsed  # before the fork: their memory is of use to what comes
    zygote = Zygote(settings, worker_modules(settings.facilities))

    from exporters import service  # noqa: PLC0415 - after the fork: no worker carries it

    return service.run(settings, surface, zygote)
