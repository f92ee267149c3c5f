"""What hardware this node should have, as its owner declares it.

Two ways: an inventory file, by host name or product, and the node annotation. A wrong file is
refused when the program starts; a wrong annotation is said and not believed.

nodes:
  - hostname: gpu-a*            # a shell pattern of the node's name, or
    product: HGX H100*          # of the product name in DMI; both where both are given
    gpus: 8                     # how many, or the list of their PCI slots
    rdma_ports: [mlx5_0/1]      # how many, or the list of device/port
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from exporters.machine import Machine
from program.errors import ProgramError

FILE = "file"
ANNOTATION = "annotation"
LEARNED = "learned"

_SLOT = re.compile(r"([0-9a-f]{4,8})(:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])", re.IGNORECASE | re.ASCII)
_PORT = re.compile(r"[A-Za-z0-9_.-]+/[1-9][0-9]*")
_MOST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """So many devices; `names` is empty where only their number is declared."""

    count: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is declared; None where it says nothing of that kind."""

    source: str
    gpus: Devices | None = None
    rdma_ports: Devices | None = None


class DeclarationError(ProgramError):
    """A declaration makes no sense; the message names its place and the field."""


def declared(path: str, hostname: str, machine: Machine) -> Expected | None:
    """Return what a file says of this node, None without a file or an entry for it.

    The first entry that fits counts. DeclarationError where the file cannot be read or any of its
    entries is wrong, for this node or not.
    """
    if not path:
        return None
    fitting = [made for fits, made in _entries(path) if fits(hostname, machine.product)]
    return fitting[0] if fitting else None


Fits = Callable[[str, str], bool]


def _entries(path: str) -> Iterable[tuple[Fits, Expected]]:
    document = _document(path)
    if not isinstance(document, dict) or set(document) != {"nodes"}:
        raise DeclarationError(f"--inventory.file {path}: expected `nodes` and nothing else")
    if not isinstance(document["nodes"], list):
        raise DeclarationError(f"--inventory.file {path}: nodes: expected a list")
    return [
        _entry(f"--inventory.file {path}: nodes[{place}]", entry)
        for place, entry in enumerate(document["nodes"])
    ]


def _document(path: str) -> Any:
    from exporters import plain_yaml  # noqa: PLC0415 - its memory is for those who name a file

    try:
        text = Path(path).read_text(encoding="utf-8")
        return tomllib.loads(text) if path.endswith(".toml") else plain_yaml.load(text)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise DeclarationError(f"--inventory.file {path}: {said}") from None


def _entry(where: str, entry: Any) -> tuple[Fits, Expected]:
    if not isinstance(entry, dict):
        raise DeclarationError(f"{where}: expected a mapping, not {entry!r}")
    patterns = {name: entry[name] for name in ("hostname", "product") if name in entry}
    if not patterns:
        raise DeclarationError(f"{where}: needs `hostname` or `product`, a shell pattern")
    for name, pattern in patterns.items():
        if not isinstance(pattern, str) or not pattern:
            raise DeclarationError(f"{where}: {name}: expected a shell pattern, not {pattern!r}")
    rest = {name: value for name, value in entry.items() if name not in patterns}

    def fits(hostname: str, product: str) -> bool:
        found = {"hostname": hostname, "product": product}
        return all(fnmatchcase(found[name], pattern) for name, pattern in patterns.items())

    return fits, _expected(where, rest, FILE)


def annotated(text: str) -> Expected:
    """Return what the annotation says: JSON with the fields of an entry; DeclarationError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DeclarationError(f"annotation: {error}") from None
    if not isinstance(document, dict):
        raise DeclarationError(f"annotation: expected an object, not {document!r}")
    return _expected("annotation", document, ANNOTATION)


Name = Callable[[str], str]
"""Returns a name as it is known here, empty where it is none."""


def _slot(name: str) -> str:
    """Return a slot as sysfs has it; NVIDIA's tools write 00000000:1B:00.0."""
    found = _SLOT.fullmatch(name)
    return f"{int(found[1], 16):04x}{found[2].lower()}" if found else ""


def _port(name: str) -> str:
    return name if _PORT.fullmatch(name) else ""


_NAMES: Mapping[str, tuple[Name, str]] = {
    "gpus": (_slot, "0000:1b:00.0"),
    "rdma_ports": (_port, "mlx5_0/1"),
}
"""By field: how its devices are named, and an example."""


def _expected(where: str, entry: Mapping[str, Any], source: str) -> Expected:
    if unknown := sorted(map(str, set(entry) - set(_NAMES))):
        raise DeclarationError(f"{where}: unknown field {unknown[0]!r}: there is gpus, rdma_ports")
    if not entry:
        raise DeclarationError(f"{where}: says neither gpus nor rdma_ports")
    found = {n: _devices(f"{where}: {n}", entry[n], *_NAMES[n]) for n in _NAMES if n in entry}
    return Expected(source=source, **found)


def _devices(where: str, value: Any, known: Name, example: str) -> Devices:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
        return Devices(count=value)
    if not isinstance(value, list):
        raise DeclarationError(f"{where}: expected a number from 0 to {_MOST} or a list of names")
    names = dict[str, None]()
    for said in map(str, value):
        if not (name := known(said)):
            raise DeclarationError(f"{where}: {said!r} is no name such as {example}")
        names[name] = None
    return Devices(count=len(names), names=tuple(names))
