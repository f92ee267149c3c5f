"""A program's flags as a page: what --help says, in Markdown, for docs/flags/.

The page is made from the parser that reads the command line, so that it cannot tell of others.
"""

import argparse
import re
from collections.abc import Iterable, Iterator

_NOT_TOLD = {"help", "version", "help_markdown"}
"""Every program has these, and they tell nothing of it."""

_DEFAULT = re.compile(r"^(?P<text>.*) \(default: (?P<default>.*)\)$", re.DOTALL)
_NONE = "\N{EN DASH}"


def page(parser: argparse.ArgumentParser) -> str:
    """Return what a parser accepts as a Markdown section headed by the program's name."""
    return "\n".join(_lines(parser)) + "\n"


def _lines(parser: argparse.ArgumentParser) -> Iterator[str]:
    actions = [each for each in parser._actions if each.dest not in _NOT_TOLD]  # noqa: SLF001 - argparse shows them nowhere else
    arguments = [each for each in actions if not each.option_strings]
    yield f"# {parser.prog}\n"
    yield f"{(parser.description or '').strip()}\n"
    if parser.epilog:
        yield f"```text\n{parser.epilog.strip()}\n```\n"
    if arguments:
        yield from _table("Argument", arguments)
    yield from _table("Flag", [each for each in actions if each.option_strings])


def _table(what: str, actions: Iterable[argparse.Action]) -> Iterator[str]:
    yield f"| {what} | Default | What it does |"
    yield "|---|---|---|"
    for action in actions:
        text, default = _told(action)
        yield f"| `{_cell(_spelled(action))}` | {_cell(default)} | {_cell(text)} |"
    yield ""


def _spelled(action: argparse.Action) -> str:
    if not action.option_strings:
        return _value(action)
    name = action.option_strings[0]
    if isinstance(action, argparse.BooleanOptionalAction):
        return f"--[no-]{name.removeprefix('--')}"
    return name if action.nargs == 0 else f"{name} {_value(action)}"


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    shown = action.metavar or action.dest.upper()
    return shown if isinstance(shown, str) else " ".join(shown)


def _told(action: argparse.Action) -> tuple[str, str]:
    """Return what the help says, and the default that stands at its end."""
    text = (action.help or "").replace("%%", "%")
    found = _DEFAULT.match(text)
    return (found["text"], f"`{found['default']}`") if found else (text, _NONE)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
