"""Turns a TOML table into a tree of settings by the settings' own types.

SettingsError (a ProgramError)    a key is unknown, or its value is not of its type
"""

import dataclasses
import difflib
import math
import types
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from catalog.verdicts import Verdict
from program.durations import parse_duration
from program.errors import ProgramError

T = TypeVar("T")


class SettingsError(ProgramError):
    """Something in the settings file is wrong; the message names the key and the remedy."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return the end of a message: the valid name most like this one, or all of them."""
    names = sorted(valid)
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if found:
        return f"; did you mean {found[0]}?"
    return f"; valid: {', '.join(names)}" if names else "; there are none here"


@dataclasses.dataclass(frozen=True, slots=True)
class Reader(Generic[T]):
    """Reads one kind of settings."""

    kind: type[T]

    def read(self, table: Mapping[str, Any], where: str) -> T:
        """Return the settings that a table describes; `where` is the table's own name."""
        hints = get_type_hints(self.kind)
        fields = {_key(field): field.name for field in dataclasses.fields(self.kind)}  # type: ignore[arg-type]  # T is a dataclass
        values = {}
        for key, value in table.items():
            at = f"{where}.{key}" if where else key
            if key not in fields:
                raise SettingsError(f"{at}: unknown setting{nearest(key, fields)}")
            values[fields[key]] = convert(value, hints[fields[key]], at)
        try:
            return self.kind(**values)
        except ValueError as error:
            raise SettingsError(f"{where}.{error}" if where else str(error)) from None


def _key(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata.get("key", field.name))


def convert(value: Any, hint: Any, at: str) -> Any:
    """Return a TOML value as the type asks for it; SettingsError names the key."""
    if get_origin(hint) is types.UnionType:
        return _one_of(value, [arm for arm in get_args(hint) if arm is not types.NoneType], at)
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        return Reader(hint).read(_of(value, dict, "a table", at), at)
    if get_origin(hint) is Mapping:
        return _mapping(value, get_args(hint)[1], at)
    if get_origin(hint) is tuple:
        items = _of(value, list, "a list", at)
        return tuple(convert(v, get_args(hint)[0], f"{at}[{i}]") for i, v in enumerate(items))
    return value if hint is Any else _PLAIN[hint](value, at)


def _mapping(value: Any, hint: Any, at: str) -> dict[str, Any]:
    table = _of(value, dict, "a table", at)
    return {key: convert(item, hint, f"{at}.{key}") for key, item in table.items()}


def _one_of(value: Any, arms: list[Any], at: str) -> Any:
    """Return the value by the first arm of a union that takes a value of its kind."""
    if len(arms) > 1:
        arms = [timedelta] if isinstance(value, str) else [arm for arm in arms if arm is float]
    return convert(value, arms[0], at)


def _of(value: Any, kind: type | tuple[type, ...], what: str, at: str) -> Any:
    if isinstance(value, bool) and kind is not bool:
        raise SettingsError(f"{at}: must be {what}, not {str(value).lower()}")
    if not isinstance(value, kind):
        raise SettingsError(f"{at}: must be {what}, not {value!r}")
    return value


def _duration(value: Any, at: str) -> timedelta:
    try:
        return timedelta(seconds=parse_duration(_of(value, str, 'a duration such as "15s"', at)))
    except ValueError as error:
        raise SettingsError(f"{at}: {error}") from None
    except OverflowError:
        raise SettingsError(f"{at}: {value!r} is too long") from None


def _number(value: Any, at: str) -> float:
    number = float(_of(value, (int, float), "a number", at))
    if not math.isfinite(number):
        raise SettingsError(f"{at}: must be a finite number, not {number}")
    return number


def _verdict(value: Any, at: str) -> Verdict:
    try:
        return Verdict.parse(_of(value, str, "a verdict", at))
    except ValueError as error:
        raise SettingsError(f"{at}: {error}") from None


_PLAIN: dict[Any, Callable[[Any, str], Any]] = {
    str: lambda value, at: _of(value, str, "text", at),
    bool: lambda value, at: _of(value, bool, "true or false", at),
    int: lambda value, at: _of(value, int, "a whole number", at),
    float: _number,
    timedelta: _duration,
    Verdict: _verdict,
}
