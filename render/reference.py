"""Every key of `render.toml`, told by the settings' own types, defaults and docstrings."""

import ast
import inspect
import json
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import timedelta
from typing import Any, get_args, get_origin, get_type_hints

from alerts.promql import duration
from catalog.verdicts import Verdict
from render.settings import Settings

WORDS: dict[Any, str] = {
    str: "text", bool: "true or false", int: "whole number", float: "number",
    timedelta: "duration", Verdict: "verdict",
}  # fmt: skip
UNSET = "\N{EN DASH}"
"""Stands for the default of a key that leaves things as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a table."""

    name: str
    kind: str
    default: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the file: its name, empty for the top level, what it is for, its keys."""

    name: str
    help: str
    keys: tuple[Key, ...]


def tables(kind: type = Settings, name: str = "", about: str = "") -> Iterator[Table]:
    """Yield a table and those inside it; a table for each of many has NAME in its name."""
    hints, told = get_type_hints(kind), _docstrings(kind)
    inside = {each.name: _settings(hints[each.name]) for each in fields(kind)}
    keys = [
        _key(each, hints[each.name], told[each.name])
        for each in fields(kind)
        if not inside[each.name]
    ]
    yield Table(name=name, help=about or inspect.cleandoc(kind.__doc__ or ""), keys=tuple(keys))
    for field, of in inside.items():
        if of:
            where = f"{name}.{field}" if name else field
            many = get_origin(hints[field]) is Mapping
            yield from tables(of, f"{where}.NAME" if many else where, told.get(field, ""))


def _settings(hint: Any) -> type | None:
    """Return the settings that a key holds, by itself or by name; None for a plain value."""
    inner = get_args(hint)[1] if get_origin(hint) is Mapping else hint
    return inner if is_dataclass(inner) and isinstance(inner, type) else None


def _key(field: Field[Any], hint: Any, told: str) -> Key:
    name = str(field.metadata.get("key", field.name))
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return Key(name=name, kind=_word(hint), default=_shown(default), help=told)


def _word(hint: Any) -> str:
    """Return what a value has to be, in words."""
    if get_origin(hint) is types.UnionType:
        arms = [_word(arm) for arm in get_args(hint) if arm is not types.NoneType]
        return " or ".join(arms)
    if get_origin(hint) is Mapping:
        inner = get_args(hint)[1]
        return "table" if inner is Any else f"table of {_word(inner)}s"
    if get_origin(hint) is tuple:
        return f"list of {_word(get_args(hint)[0])}"
    return WORDS[hint]


def _shown(default: Any) -> str:
    """Return a default as it would be written."""
    if default is None:
        return UNSET
    if isinstance(default, timedelta):
        return f'`"{duration(default)}"`'
    if isinstance(default, Mapping):
        pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in default.items())
        return f"`{{ {pairs} }}`" if pairs else "`{}`"
    return f"`{json.dumps(default)}`"


def _docstrings(kind: type) -> dict[str, str]:
    """Return the text below each field, of the class and of those it is made from."""
    told: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        (tree,) = ast.parse(inspect.cleandoc(inspect.getsource(each))).body
        assert isinstance(tree, ast.ClassDef)
        for field, below in zip(tree.body, tree.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    told[name] = " ".join(text.split())
    return told
