"""Flags from a settings dataclass: each field is one flag, its docstring-like help beside it."""

import argparse
import dataclasses
import math
import re
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from catalog.wire import PREFIX
from program.durations import format_duration, parse_duration
from program.errors import UsageError
from program.version import version

T = TypeVar("T")

PAGE = "--help-markdown"
"""The flag, not shown in --help, by which a program prints its page of docs/flags/."""

_DNS_LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"(?=.{{1,253}}\Z){_DNS_LABEL}(?:\.{_DNS_LABEL})*")


def flag(  # noqa: PLR0913 - what a flag is, all by keyword
    name: str,
    *,
    default: Any,
    help: str,  # noqa: A002 - argparse's own word
    metavar: str | None = None,
    parse: Callable[[str], Any] | None = None,
    choices: Sequence[str] | None = None,
) -> Any:
    """Declare a settings field as the flag `--name`.

    A bool field becomes `--[no-]name`, a tuple field a repeatable flag. `parse` turns the flag's
    text into the value and says what is wrong with ValueError.
    """
    meta = {"flag": name, "help": help, "metavar": metavar, "parse": parse, "choices": choices}
    return dataclasses.field(default=default, metadata=meta)


def duration(name: str, *, default: float, help: str) -> Any:  # noqa: A002
    """Declare a settings field in seconds as a flag that takes `5s`, `1m30s`."""
    return flag(name, default=default, help=help, metavar="DURATION", parse=parse_duration)


def at_least(least: float) -> Callable[[str], float]:
    """Return a parser of durations that refuses one shorter than `least` seconds."""

    def parse(text: str) -> float:
        seconds = parse_duration(text)
        if seconds < least:
            raise ValueError(f"{text} is too short: at least {format_duration(least)}")
        return seconds

    return parse


def count(text: str) -> int:
    """Return a whole number, zero or more; ValueError where it is none."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError(f"{text!r} is not a whole number, zero or more")
    return int(text)


def key_prefix(text: str) -> str:
    """Return a prefix of Kubernetes keys; ValueError where it is no DNS name."""
    if not _DNS_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a DNS name such as {PREFIX}")
    return text


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage: the user asked for one thing and got it wrong."""
        raise UsageError(f"{message}; see {self.prog} --help")


class _PrintPage(argparse.Action):
    """Prints the page of the parser that it stands in, and ends the program."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002 - argparse's own signature
        values: str | Sequence[Any] | None,  # noqa: ARG002 - as above
        option_string: str | None = None,  # noqa: ARG002 - as above
    ) -> None:
        """Print, and exit with 0."""
        from program.reference import page  # noqa: PLC0415 - for the documentation alone

        sys.stdout.write(page(parser))
        parser.exit()


def parser(prog: str, description: str, epilog: str | None = None) -> Parser:
    """Return a parser with `--version` and the page of its flags, ready for `add_flags`."""
    made = Parser(
        prog=prog,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"{prog} {version()}")
    made.add_argument(PAGE, action=_PrintPage, nargs=0, help=argparse.SUPPRESS)
    return made


def add_flags(to: argparse.ArgumentParser, settings: type[Any]) -> None:
    """Add a flag for each field of a settings dataclass that was declared with `flag`."""
    hints = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        if "flag" in field.metadata:
            _add_flag(to, field, hints[field.name])


def _add_flag(to: argparse.ArgumentParser, field: dataclasses.Field[Any], hint: Any) -> None:
    meta = field.metadata
    options: dict[str, Any] = {"dest": field.name, "help": _help(field), "default": field.default}
    if hint is bool:
        to.add_argument(f"--{meta['flag']}", action=argparse.BooleanOptionalAction, **options)
        return
    repeatable = get_origin(hint) is tuple
    if repeatable:
        options |= {"action": "append", "default": None}
    to.add_argument(
        f"--{meta['flag']}",
        type=_converter(meta["parse"] or _plain(hint)),
        metavar=meta["metavar"],
        choices=meta["choices"],
        **options,
    )


def _help(field: dataclasses.Field[Any]) -> str:
    text = str(field.metadata["help"]).replace("%", "%%")
    default: Any = field.default
    if isinstance(default, bool):
        return f"{text} (default: {_on_off(default)})"
    if default in (None, "", ()) or dataclasses.is_dataclass(default):
        return text
    shown = format_duration(default) if field.metadata["metavar"] == "DURATION" else default
    if isinstance(default, tuple):
        shown = ", ".join(map(str, default))
    return f"{text} (default: {str(shown).replace('%', '%%')})"


def _on_off(value: bool) -> str:  # noqa: FBT001 - a value, not a switch
    return "on" if value else "off"


def _plain(hint: Any) -> Callable[[str], Any]:
    for candidate in _alternatives(hint):
        if candidate in (int, float):
            return _number(candidate)
    return str


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType, tuple) else (hint,)


def _number(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            number = kind(text)
            finite = math.isfinite(number)
        except (ValueError, OverflowError):
            finite = False
        if not finite:
            raise ValueError(f"{text!r} is not a number")
        return number

    return convert


def _converter(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def build(settings: type[T], parsed: argparse.Namespace) -> T:
    """Return the settings that a parsed command line describes."""
    values = {}
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]  # T is a dataclass
        value = getattr(parsed, field.name, field.default)
        if isinstance(value, list):
            value = tuple(value)
        values[field.name] = field.default if value is None else value
    return settings(**values)
