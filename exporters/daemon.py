"""The exporter as a program: its command line, and how it begins and ends."""

import gc
import sys

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


def main(zygote: Zygote) -> int:
    """Read the command line and do what it says, with a zygote forked before any thread."""
    supervisor = Supervisor(zygote)
    try:
        return _run(zygote, supervisor)
    except ZygoteGoneError as error:
        raise ProgramError(str(error)) from None
    finally:
        supervisor.close()


def _run(zygote: Zygote, supervisor: Supervisor) -> int:
    arguments = parser(NAME, _ABOUT)
    add_settings(arguments)
    add_surface(arguments, ":9410")
    parsed = arguments.parse_args()
    settings, surface = open_settings(parsed), open_surface(parsed)
    zygote.equip(settings, worker_modules(settings))
    exporter = Exporter(settings, supervisor)
    return _once(exporter) if settings.once else _serve(exporter, settings, surface)


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
