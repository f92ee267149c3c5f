"""The flags that all daemons share, and what they do: where to listen, how to log, when to end."""

import argparse
import logging
import os
import select
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from program import logs
from program.address import split_address
from program.errors import UsageError
from program.flags import add_flags, build, count, flag

if TYPE_CHECKING:
    from program.web import Routes, WebServer


def _address(text: str) -> str:
    split_address(text)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What every daemon's command line has."""

    listen_address: str = flag(
        "web.listen-address",
        default=":0",
        metavar="ADDRESS",
        parse=_address,
        help="address to listen on, such as :9410 or 127.0.0.1:9410",
    )
    web_config_file: str = flag(
        "web.config.file",
        default="",
        metavar="FILE",
        help="TLS and basic authentication, in the format of Prometheus' exporter-toolkit",
    )
    max_requests: int = flag(
        "web.max-requests",
        default=40,
        metavar="N",
        parse=count,
        help="most requests at once, the rest is answered 503; 0 is any number",
    )
    log_level: str = flag(
        "log.level", default="info", choices=logs.LEVELS, help="least severe message to log"
    )
    log_format: str = flag(
        "log.format", default="logfmt", choices=logs.FORMATS, help="form of the log lines"
    )


def add_surface(to: argparse.ArgumentParser, default_address: str) -> None:
    """Add the shared flags, with the program's own default address."""
    add_flags(to, Surface)
    to.set_defaults(listen_address=default_address)
    for action in to._actions:  # noqa: SLF001 - argparse has no other way to change one help text
        if action.dest == "listen_address":
            action.default = default_address
            action.help = (
                f"{(action.help or '').removesuffix(' (default: :0)')} (default: {default_address})"
            )


def open_surface(parsed: argparse.Namespace) -> Surface:
    """Read the shared flags and set up logging as they say."""
    surface = build(Surface, parsed)
    logs.setup(surface.log_level, surface.log_format)
    return surface


def serve(
    surface: Surface, routes: "Routes", *, threads: int = 8, max_body: int = 1 << 20
) -> "WebServer":
    """Start the web server that the shared flags describe; ProgramError where it cannot."""
    from program import webconfig  # noqa: PLC0415 - a program may fork before it needs a server
    from program.web import WebServer  # noqa: PLC0415 - as above

    config = webconfig.load(surface.web_config_file)
    server = WebServer(
        routes,
        surface.listen_address,
        config,
        threads=threads,
        max_body=max_body,
        max_requests=surface.max_requests,
    )
    server.start()
    logging.getLogger(__name__).info("listening", extra={"url": server.url})
    return server


class _Signalled(threading.Event):
    """An event that a signal handler may set, at any moment.

    That of the standard library has a lock, which the very thread that a handler interrupts may
    hold: in its `wait`, or in the handler of a signal just before. It would wait for itself then.
    """

    def __init__(self) -> None:
        """Begin unset."""
        super().__init__()
        self._ended = False
        self._readable, self._told = os.pipe()
        os.set_blocking(self._told, False)

    def is_set(self) -> bool:
        """Whether a signal has come."""
        return self._ended

    def set(self) -> None:
        """Let all who wait go on, now and later: what is written is never read."""
        if not self._ended:
            self._ended = True
            os.write(self._told, b".")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a signal, at most so many seconds; return whether one has come."""
        waiting = select.poll()
        waiting.register(self._readable, select.POLLIN)
        waiting.poll(None if timeout is None else max(0.0, timeout) * 1000)
        return self._ended


def until_signalled() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set; call from the main thread."""
    ended = _Signalled()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    return ended


__all__ = ["Surface", "UsageError", "add_surface", "open_surface", "serve", "until_signalled"]
