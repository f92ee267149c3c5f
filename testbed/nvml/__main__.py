"""Steer a simulated NVML from a shell: `python -m testbed.nvml CONTROL COMMAND …`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from program.errors import ProgramError, run
from program.flags import parser
from testbed.nvml import SimulatedNvml, modes, state
from testbed.nvml.layout import Gpu
from testbed.nvml.links import LINK

_EPILOG = """\
examples:
  python -m testbed.nvml $CONTROL xid 3 79
  python -m testbed.nvml $CONTROL set 3 temperature=90 ecc_uncorrected=1
  python -m testbed.nvml $CONTROL link 3 17 state=0 replay=12
  python -m testbed.nvml $CONTROL hang 3 nvmlDeviceGetTemperature
  python -m testbed.nvml $CONTROL recover 3
"""

Act = Callable[[SimulatedNvml, argparse.Namespace], None]

_COMMANDS: dict[str, tuple[str, tuple[str, ...], Act]] = {
    "show": ("print a GPU's fields", ("gpu",), lambda nvml, a: _show(nvml, a.gpu)),
    "set": (
        "set fields of a GPU, in NVML's units",
        ("gpu", "values"),
        lambda nvml, a: nvml.set(a.gpu, **dict(a.values)),
    ),
    "link": (
        "set numbers of an NVLink, in NVML's units",
        ("gpu", "link", "numbers"),
        lambda nvml, a: nvml.set_link(a.gpu, a.link, **dict(a.numbers)),
    ),
    "xid": ("report an Xid", ("gpu", "code"), lambda nvml, a: nvml.xid(a.gpu, a.code)),
    "lose": ("let it fall off the bus, with Xid 79", ("gpu",), lambda nvml, a: nvml.lose(a.gpu)),
    "hang": (
        "let calls not return",
        ("target", "call"),
        lambda nvml, a: nvml.hang(a.target, call=a.call),
    ),
    "slow": (
        "let calls take longer",
        ("target", "milliseconds", "call"),
        lambda nvml, a: nvml.slow(a.target, call=a.call, milliseconds=a.milliseconds),
    ),
    "fail": (
        "let calls return an NVML error",
        ("target", "error", "call"),
        lambda nvml, a: nvml.fail(a.target, call=a.call, error=a.error),
    ),
    "recover": (
        "end lose, remove, hang, slow, fail",
        ("target",),
        lambda nvml, a: nvml.recover(a.target),
    ),
    "remove": ("take the card away", ("gpu",), lambda nvml, a: nvml.remove(a.gpu)),
    "replace": ("put in another card", ("gpu",), lambda nvml, a: nvml.replace(a.gpu)),
    "reset": ("reset it: volatile ECC to zero", ("gpu",), lambda nvml, a: nvml.reset(a.gpu)),
    "nonsense": (
        "let every number be nonsense",
        ("gpu",),
        lambda nvml, a: _spoil(nvml, a.gpu, modes.nonsense),
    ),
    "unknown": (
        "let every enumeration have a value of tomorrow",
        ("gpu",),
        lambda nvml, a: _spoil(nvml, a.gpu, modes.unknown),
    ),
    "garble": (
        "let every text be no UTF-8",
        ("gpu",),
        lambda nvml, a: _spoil(nvml, a.gpu, modes.garble),
    ),
    "hide-library": ("take the library's file away", (), lambda nvml, _: nvml.hide_library()),
    "show-library": ("put it back", (), lambda nvml, _: nvml.show_library()),
    "reboot": ("boot the node again", (), lambda nvml, _: nvml.reboot()),
}


_FIELDS = {"values": state.FIELDS, "numbers": LINK}


def main() -> int:
    """Run the command line."""
    return run("python -m testbed.nvml", _main)


def _main() -> int:
    asked = _parser().parse_args()
    try:
        asked.act(SimulatedNvml.attach(asked.control), asked)
    except (ValueError, TypeError, OSError) as error:
        raise ProgramError(str(error)) from None
    return 0


def _parser() -> argparse.ArgumentParser:
    made = parser("python -m testbed.nvml", "Steer a simulated NVML.", _EPILOG)
    made.add_argument("control", type=Path, metavar="CONTROL", help="the control file")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for name, (text, arguments, act) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(act=act)
        for argument in arguments:
            _add(command, argument)
    return made


def _add(command: argparse.ArgumentParser, argument: str) -> None:
    if argument == "target":
        command.add_argument("target", type=_target, metavar="GPU|driver", help="slot, or all")
    elif argument == "call":
        text = "name of the call, a shell pattern (default: every call)"
        command.add_argument("call", nargs="?", default="*", metavar="CALL", help=text)
    elif argument in _FIELDS:
        text = f"of {', '.join(_FIELDS[argument])}"
        command.add_argument(argument, nargs="+", type=_value, metavar="FIELD=VALUE", help=text)
    else:
        command.add_argument(argument, type=int, metavar=argument.upper())


def _target(text: str) -> int | None:
    return None if text == "driver" else int(text)


def _value(text: str) -> tuple[str, int | str]:
    field, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=VALUE")
    return field, int(value) if value.isdigit() else value


def _spoil(nvml: SimulatedNvml, gpu: int, how: Callable[[Gpu], None]) -> None:
    with nvml.card(gpu) as card:
        how(card)


def _show(nvml: SimulatedNvml, gpu: int) -> None:
    for field in state.FIELDS:
        value = str(nvml.get(gpu, field))
        print(f"{field}={value if value.isprintable() else ascii(value)}")


if __name__ == "__main__":
    sys.exit(main())
