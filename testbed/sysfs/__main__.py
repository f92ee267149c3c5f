"""Change a simulated sysfs from a shell: `python -m testbed.sysfs ROOT COMMAND …`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from program.errors import ProgramError, run
from program.flags import parser
from testbed.sysfs import SimulatedSysfs

_EPILOG = """\
examples:
  python -m testbed.sysfs $ROOT state mlx5_0 1 DOWN
  python -m testbed.sysfs $ROOT counter mlx5_0 1 symbol_error 40
  python -m testbed.sysfs $ROOT remove mlx5_0
"""

Act = Callable[[SimulatedSysfs, argparse.Namespace], None]

_COMMANDS: dict[str, tuple[str, tuple[str, ...], Act]] = {
    "state": (
        "set a port's state: DOWN, INIT, ARMED, ACTIVE",
        ("device", "port", "state"),
        lambda sysfs, a: sysfs.set_state(a.device, a.port, a.state),
    ),
    "counter": (
        "set a counter",
        ("device", "port", "name", "value"),
        lambda sysfs, a: sysfs.set_counter(a.device, a.port, a.name, a.value),
    ),
    "traffic": (
        "let bytes pass, in and out",
        ("device", "port", "rx_bytes", "tx_bytes"),
        lambda sysfs, a: sysfs.traffic(a.device, a.port, a.rx_bytes, a.tx_bytes),
    ),
    "write": (
        "give an attribute any content",
        ("path", "text"),
        lambda sysfs, a: sysfs.write(a.path, a.text),
    ),
    "unreadable": (
        "let an attribute answer with an error",
        ("path",),
        lambda sysfs, a: sysfs.make_unreadable(a.path),
    ),
    "remove": ("take a device away", ("device",), lambda sysfs, a: sysfs.remove(a.device)),
    "restore": ("bring it back", ("device",), lambda sysfs, a: sysfs.restore(a.device)),
    "reboot": ("boot the node again", (), lambda sysfs, _: sysfs.reboot()),
}
_NUMBERS = ("port", "value", "rx_bytes", "tx_bytes")


def main() -> int:
    """Run the command line."""
    return run("python -m testbed.sysfs", _main)


def _main() -> int:
    asked = _parser().parse_args()
    try:
        asked.act(SimulatedSysfs.attach(asked.root), asked)
    except (ValueError, OSError) as error:
        raise ProgramError(str(error)) from None
    return 0


def _parser() -> argparse.ArgumentParser:
    made = parser("python -m testbed.sysfs", "Change a simulated sysfs.", _EPILOG)
    made.add_argument("root", type=Path, metavar="ROOT", help="the directory of its sys and proc")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for name, (text, arguments, act) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(act=act)
        for argument in arguments:
            kind = int if argument in _NUMBERS else str
            command.add_argument(argument, type=kind, metavar=argument.upper())
    return made


if __name__ == "__main__":
    sys.exit(main())
