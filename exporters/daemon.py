"""The exporter as a program: its command line, and how it begins and ends."""

import gc
import sys

from exporters import check, footprint
from exporters.pages import Pages
from exporters.program import Exporter, worker_modules
from exporters.settings import Settings, add_settings, open_settings
from exporters.snapshot import Form
from exporters.supervisor import Supervisor
from exporters.zygote import Zygote, ZygoteGoneError
from program.errors import ProgramError
from program.flags import parser
from program.surface import Surface, add_surface, open_surface, serve, until_signalled
from program.web import Routes

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
    zygote = Zygote(settings, worker_modules(settings))
    supervisor = Supervisor(zygote)
    try:
        exporter = Exporter(settings, supervisor)
        if settings.check:
            return _check(exporter, settings)
        return _once(exporter) if settings.once else _serve(exporter, settings, surface)
    except ZygoteGoneError as error:
        raise ProgramError(str(error)) from None
    finally:
        supervisor.close()


def _check(exporter: Exporter, settings: Settings) -> int:
    snapshot = exporter.until_complete(until_signalled())
    if snapshot is None:
        return 1
    text, well = check.report(settings, snapshot.standings)
    sys.stdout.write(text)
    return 0 if well else 1


def _once(exporter: Exporter) -> int:
    snapshot = exporter.until_complete(until_signalled())
    if snapshot is None:
        return 1
    sys.stdout.buffer.write(snapshot.body(Form()))
    return 0


def _pages(settings: Settings, exporter: Exporter) -> Routes:
    pages = Pages(settings, exporter.board, topology=exporter.topology, fabric=exporter.fabric)
    return pages.routes()


def _serve(exporter: Exporter, settings: Settings, surface: Surface) -> int:
    stop = until_signalled()
    gc.freeze()  # what is loaded by now stays: to look through it again and again finds nothing
    server = serve(surface, _pages(settings, exporter))
    try:
        exporter.run(stop)
    finally:
        server.stop()
    return 0
