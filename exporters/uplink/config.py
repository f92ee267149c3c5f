"""What --uplink.config.file says: the lines, what of this node belongs to them, whom to probe.

A wrong file is refused as a whole; the error names the file, the field and what would be right.
docs/uplink.md describes the file.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Any, TypeVar

from catalog.uplink_probes import PROBE_KINDS, TCP
from exporters.errors import ReadingError
from exporters.files import read
from program.durations import format_duration, parse_duration
from program.errors import ProgramError

T = TypeVar("T")

MOST_LINES, MOST_PEERS, MOST_DISKS, MOST_PATTERNS = 16, 64, 16, 64
"""Lines, and peers and disks of all of them, and entries of any other list."""
SHORTEST_INTERVAL = 0.1
LONGEST_TIMEOUT = 10.0
DEFAULT_TIMEOUT = 1.0
"""Also the longest for TCP: after it, Linux sends the first packet again, and the answer to that
would pass for a slow one to the first."""

_LARGEST = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PATTERN = re.compile(r"[^\s/]{1,64}")
_RATE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([kKMGT]?)(?:bit|bit/s|bps)?")
_SCALES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_HIGHEST_RATE = 1e15


class ConfigError(ProgramError):
    """The file is not as it must be; the message names it and the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Someone at the other end, and how to probe him; times are in seconds."""

    line: str
    name: str
    kind: str
    address: str
    port: int
    """0 where there is none."""
    interval: float
    timeout: float

    @property
    def labels(self) -> tuple[str, str, str]:
        """The labels of his series."""
        return self.line, self.name, self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One dedicated line. Patterns are those of a shell."""

    name: str
    receive: float | None
    """Bytes a second that it can carry towards this node's site; None where not configured."""
    transmit: float | None
    interfaces: tuple[str, ...]
    limiters: tuple[str, ...]
    """Interfaces of which only traffic control is read, as ifb0."""
    pod_interfaces: tuple[str, ...]
    nodes: tuple[str, ...]
    node_selector: tuple[tuple[str, str], ...]
    peers: tuple[Peer, ...]
    disks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole file."""

    lines: tuple[Line, ...]

    @property
    def peers(self) -> tuple[Peer, ...]:
        """Those of all lines."""
        return tuple(peer for line in self.lines for peer in line.peers)


def fits(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name is, or fits, one of these."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def read_config(path: str, interval: float) -> Config:
    """Return what a file says; a peer without an interval has this one. ConfigError."""
    import yaml  # noqa: PLC0415 - its memory is only for those who name a file

    where = f"--uplink.config.file {path}"
    try:
        text = read(path, _LARGEST + 1)
        if len(text) > _LARGEST:
            raise ConfigError(f"{where}: larger than {_LARGEST} bytes")
        said = yaml.safe_load(text)
    except (ReadingError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"{where}: {' '.join(str(error).split())}") from None
    return _config(where, said, interval)


def _config(where: str, said: Any, interval: float) -> Config:
    fields = _mapping(where, said, ("lines",))
    entries = _list(f"{where}: lines", fields.get("lines"), MOST_LINES)
    if not entries:
        raise ConfigError(f"{where}: lines: needs at least one line")
    found = [_line(f"{where}: lines[{n}]", entry, interval) for n, entry in enumerate(entries)]
    _distinct(f"{where}: lines", [line.name for line in found])
    config = Config(lines=tuple(found))
    _at_most(f"{where}: peers of all lines", len(config.peers), MOST_PEERS)
    _at_most(f"{where}: disks of all lines", sum(len(ln.disks) for ln in found), MOST_DISKS)
    return config


def _line(where: str, said: Any, interval: float) -> Line:
    known = (
        *("name", "capacity", "interfaces", "limiters", "pod_interfaces", "nodes"),
        *("node_selector", "peers", "disks"),
    )
    fields = _mapping(where, said, known)
    name = _name(f"{where}: name", fields.get("name"))
    receive, transmit = _capacity(f"{where}: capacity", fields.get("capacity"))
    peers = _list(f"{where}: peers", fields.get("peers"), MOST_PEERS)
    made = tuple(
        _peer(f"{where}: peers[{n}]", entry, name, interval) for n, entry in enumerate(peers)
    )
    _distinct(f"{where}: peers", [f"{peer.name} ({peer.kind})" for peer in made])

    def patterns(field: str) -> tuple[str, ...]:
        return _each(f"{where}: {field}", fields.get(field), _pattern, MOST_PATTERNS)

    return Line(
        name=name,
        receive=receive,
        transmit=transmit,
        interfaces=patterns("interfaces"),
        limiters=patterns("limiters"),
        pod_interfaces=patterns("pod_interfaces"),
        nodes=patterns("nodes"),
        node_selector=_selector(f"{where}: node_selector", fields.get("node_selector")),
        peers=made,
        disks=_each(f"{where}: disks", fields.get("disks"), _path, MOST_DISKS),
    )


def _peer(where: str, said: Any, line: str, interval: float) -> Peer:
    fields = _mapping(where, said, ("name", "kind", "address", "port", "interval", "timeout"))
    kind = fields.get("kind", TCP)
    if kind not in PROBE_KINDS:
        raise ConfigError(f"{where}: kind: {kind!r} is none of {', '.join(PROBE_KINDS)}")
    longest = DEFAULT_TIMEOUT if kind == TCP else LONGEST_TIMEOUT
    return Peer(
        line=line,
        name=_name(f"{where}: name", fields.get("name")),
        kind=kind,
        address=_address(f"{where}: address", fields.get("address")),
        port=_port(f"{where}: port", fields.get("port"), kind),
        interval=_time(f"{where}: interval", fields.get("interval"), interval, 3600.0),
        timeout=_time(f"{where}: timeout", fields.get("timeout"), DEFAULT_TIMEOUT, longest),
    )


def _mapping(where: str, said: Any, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise ConfigError(f"{where}: expected a mapping of {', '.join(known)}")
    for key in said:
        if key not in known:
            raise ConfigError(f"{where}: unknown field {key!r}{_nearest(str(key), known)}")
    return said


def _nearest(key: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - for those alone who mistyped

    near = get_close_matches(key, known, n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else f": there is {', '.join(known)}"


def _list(where: str, said: Any, most: int) -> list[Any]:
    if said is None:
        return []
    if not isinstance(said, list):
        raise ConfigError(f"{where}: expected a list")
    _at_most(where, len(said), most)
    return said


def _at_most(where: str, count: int, most: int) -> None:
    if count > most:
        raise ConfigError(f"{where}: {count} are too many: at most {most}")


def _each(where: str, said: Any, parse: Callable[[str, Any], str], most: int) -> tuple[str, ...]:
    made = (parse(f"{where}[{n}]", one) for n, one in enumerate(_list(where, said, most)))
    return tuple(dict.fromkeys(made))


def _distinct(where: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{where}: {name} stands there twice")


def _name(where: str, said: Any) -> str:
    if not isinstance(said, str) or not _NAME.fullmatch(said):
        raise ConfigError(f"{where}: {said!r} is no name: letters, digits, - _ . (63 at most)")
    return said


def _pattern(where: str, said: Any) -> str:
    if not isinstance(said, str) or not _PATTERN.fullmatch(said):
        raise ConfigError(f"{where}: {said!r} is no name or pattern such as ens1f0 or ens*")
    return said


def _path(where: str, said: Any) -> str:
    if not isinstance(said, str) or not said.startswith("/") or not said.isprintable():
        raise ConfigError(f"{where}: {said!r} is no absolute path")
    return said


def _selector(where: str, said: Any) -> tuple[tuple[str, str], ...]:
    held = {} if said is None else said
    if not isinstance(held, dict) or len(held) > MOST_PATTERNS:
        raise ConfigError(f"{where}: expected a mapping of labels to their values")
    for label, value in held.items():
        if not isinstance(label, str) or not isinstance(value, str):
            raise ConfigError(f'{where}: {label}: expected a string, as {label}: "{value}"')
    return tuple(held.items())


def _capacity(where: str, said: Any) -> tuple[float | None, float | None]:
    """Return bytes a second each way, as configured in bits."""
    if said is None:
        return None, None
    if not isinstance(said, dict):
        both = _rate(where, said)
        return both, both
    fields = _mapping(where, said, ("receive", "transmit"))
    each = (_rate(f"{where}: {way}", held) for way, held in fields.items())
    found = dict(zip(fields, each, strict=True))
    return found.get("receive"), found.get("transmit")


def _rate(where: str, said: Any) -> float:
    number = isinstance(said, int | float) and not isinstance(said, bool)
    found = _RATE.fullmatch(said) if isinstance(said, str) else None
    bits = float(said) if number else float(found[1]) * _SCALES[found[2]] if found else 0.0
    if not 0 < bits <= _HIGHEST_RATE:
        raise ConfigError(f"{where}: {said!r} is no rate in bits a second, such as 10G")
    return bits / 8


def _address(where: str, said: Any) -> str:
    try:
        return str(ip_address(said if isinstance(said, str) else ""))
    except ValueError:
        raise ConfigError(
            f"{where}: {said!r} is no IP address; a name would have to be looked up, and the "
            "probe would measure that"
        ) from None


def _port(where: str, said: Any, kind: str) -> int:
    if kind != TCP:
        if said is not None:
            raise ConfigError(f"{where}: {kind} has no ports")
        return 0
    if not isinstance(said, int) or isinstance(said, bool) or not 0 < said < 1 << 16:
        raise ConfigError(f"{where}: {said!r} is no port from 1 to 65535")
    return said


def _time(where: str, said: Any, default: float, longest: float) -> float:
    if said is None:
        return default
    try:
        seconds = parse_duration(said if isinstance(said, str) else repr(said))
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    if not SHORTEST_INTERVAL <= seconds <= longest:
        least, most = format_duration(SHORTEST_INTERVAL), format_duration(longest)
        raise ConfigError(f"{where}: {said}: expected {least} to {most}")
    return seconds
