"""A GPU node for anyone without one: the real exporter on simulated hardware.

python -m testbed.node --web.listen-address 127.0.0.1:9410 --interval 2s

Arguments that are not its own go to the exporter. GPUs and ports can be broken while it runs, by
the commands that it prints.
"""

import argparse
import http.client
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from program.address import split_address
from program.errors import UsageError, run
from program.flags import parser
from program.surface import until_signalled
from testbed.nvml import PROFILES, SimulatedNvml
from testbed.ports import free_port
from testbed.processes import Process
from testbed.sysfs import LINK_LAYERS, SimulatedSysfs

_LOOPBACK = "127.0.0.1"
_ANYWHERE = ("", "0.0.0.0", "::")
_ANSWER = 10.0
"""Seconds for one that listens to answer."""
_ALIVE = (http.HTTPStatus.OK, http.HTTPStatus.UNAUTHORIZED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the exporter listens; an empty host is every address of this machine."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Return the address that a flag means; port 0 becomes one that is free."""
        try:
            host, port = split_address(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return cls(host=host, port=port or free_port())

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"

    def ready_url(self) -> str | None:
        """Return how this machine reaches the exporter, None while it is not ready.

        One that is ready may ask for a password, and have a certificate that nobody knows.
        """
        host = _LOOPBACK if self.host in _ANYWHERE else self.host
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        for scheme, connection in (
            ("http", http.client.HTTPConnection(host, self.port, timeout=_ANSWER)),
            (
                "https",
                http.client.HTTPSConnection(host, self.port, timeout=_ANSWER, context=trusting),
            ),
        ):
            if _status(connection) in _ALIVE:
                return f"{scheme}://{_bracketed(host)}:{self.port}"
        return None


def main() -> int:
    """Run the command line."""
    return run("python -m testbed.node", _main)


def exporter(nvml: SimulatedNvml, sysfs: SimulatedSysfs) -> list[str]:
    """Return the command line of an exporter that reads this hardware."""
    return [
        *(sys.executable, "-u", "-m", "exporters"),
        *("--nvml.library", str(nvml.library)),
        *("--path.sysfs", str(sysfs.path)),
        *("--path.procfs", str(sysfs.proc)),
        *("--path.kmsg", str(nvml.kernel_log.path)),
    ]


def _main() -> int:
    asked, passed = _parser().parse_known_args()
    passed = [argument for argument in passed if argument != "--"]
    own = ["--web.listen-address", str(asked.address), "--web.telemetry-path", asked.path]
    simulated_nvml, simulated_sysfs = _hardware(asked)
    ended = until_signalled()
    with ExitStack() as stack:
        nvml = stack.enter_context(simulated_nvml)
        sysfs = stack.enter_context(simulated_sysfs)
        for gpu in range(nvml.gpus):
            sysfs.gpus.plug(nvml.slot(gpu))
        argv = [*exporter(nvml, sysfs), *own, *passed]
        process = Process(argv, name="exporter", env=nvml.environment)
        return _watch(
            stack.enter_context(process),
            asked.address,
            ended,
            lambda url: print(_usage(f"{url}{asked.path}", nvml, sysfs), flush=True),
        )


def _hardware(asked: argparse.Namespace) -> tuple[SimulatedNvml, SimulatedSysfs]:
    try:
        return (
            SimulatedNvml(gpus=asked.gpus, profile=asked.profile),
            SimulatedSysfs(ports=asked.ports, link_layer=asked.link_layer),
        )
    except ValueError as error:
        raise UsageError(f"--{error}") from None


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "python -m testbed.node",
        "Run the exporter on a simulated node.",
        "Every other argument goes to the exporter: see python -m exporters --help.",
    )
    made.add_argument("--gpus", type=int, default=8, metavar="N")
    made.add_argument("--ports", type=int, default=8, metavar="N", help="RDMA ports")
    made.add_argument("--profile", choices=sorted(PROFILES), default="H100", help="model of GPU")
    made.add_argument("--link-layer", choices=LINK_LAYERS, default=LINK_LAYERS[0])
    made.add_argument(
        "--web.listen-address",
        dest="address",
        type=Address.parse,
        default=f"{_LOOPBACK}:0",
        metavar="ADDRESS",
        help="where the exporter listens (default: a free port of this machine)",
    )
    made.add_argument("--web.telemetry-path", dest="path", default="/metrics", metavar="PATH")
    return made


def _watch(
    process: Process, address: Address, ended: threading.Event, announce: Callable[[str], None]
) -> int:
    """Show the exporter's output until it ends, or we are told to; return the exit code."""
    url = None
    with process.log.open(encoding="utf-8", errors="replace") as log:
        while process.running and not ended.wait(0.1):
            print(log.read(), end="", flush=True)
            if url is None and (url := address.ready_url()):
                announce(url)
        code = process.stop()
        print(log.read(), end="", flush=True)
    return 0 if ended.is_set() or code is None else abs(code)


def _usage(url: str, nvml: SimulatedNvml, sysfs: SimulatedSysfs) -> str:
    python = sys.executable
    return (
        f"\n{url}\n\n"
        "break and mend it, for example:\n"
        f"  {python} -m testbed.nvml {nvml.control} lose 0\n"
        f"  {python} -m testbed.nvml {nvml.control} recover 0\n"
        f"  {python} -m testbed.sysfs {sysfs.root} state mlx5_0 1 DOWN\n"
        "(--help shows what else); Ctrl-C ends all\n"
    )


def _status(connection: http.client.HTTPConnection) -> int | None:
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    sys.exit(main())
