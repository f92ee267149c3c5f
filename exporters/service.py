"""The exporter once its zygote stands: checks, prints or serves what the workers read."""

import gc
import sys

from exporters import check
from exporters.pages import Pages
from exporters.program import Exporter
from exporters.settings import Settings
from exporters.snapshot import Form
from exporters.supervisor import Supervisor
from exporters.zygote import Zygote, ZygoteGoneError
from program.errors import ProgramError
from program.surface import Surface, serve, until_signalled
from program.web import Routes


def run(settings: Settings, surface: Surface, zygote: Zygote) -> int:
    """Do what the settings ask for, and end the zygote; ProgramError where that ends first."""
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
