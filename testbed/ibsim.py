"""InfiniBand fabrics made of nothing: ibsim with a real opensm, and the real tools upon it.

Descriptions of fabrics are values (`fat_tree`, `rails`), changed before they run or, through
ibsim's console, while they do. ibsim 0.10 knows no speed above HDR, raises no counter when a link
goes, and gives every port a width of up to 12X.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from program.errors import ProgramError
from testbed.directories import private_directory
from testbed.packages import command, remedy
from testbed.processes import Process
from testbed.waiting import wait_until

PACKAGES = ("ibsim-utils", "opensm", "infiniband-diags")

_TOOLS = ("ibnetdiscover", "iblinkinfo", "perfquery", "ibstat")
_HDR = "w=2 s=4 e=4"
_MOST_IN_A_LINE = 127
"""Bytes of a line of ibsim's console."""

Jack = tuple[str, int]
"""A node's name and a port's number."""


@dataclass(frozen=True, kw_only=True)
class Fabric:
    """Switches and HCAs by name with their numbers of ports, and the links between them."""

    switches: Mapping[str, int] = field(default_factory=dict)
    hcas: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[Jack, Jack] = field(default_factory=dict)
    """Each link once."""
    options: Mapping[Jack, str] = field(default_factory=dict)
    """ibsim's words for the width and speed of a port, where they are not HDR's."""

    def without(self, *jacks: Jack) -> "Fabric":
        """Return the fabric with the links of these ports pulled."""
        left = {a: b for a, b in self.links.items() if a not in jacks and b not in jacks}
        return replace(self, links=left)

    def crossed(self, one: Jack, other: Jack) -> "Fabric":
        """Return the fabric with the cables of two ports swapped at their far ends."""
        far = self.peers
        swapped = {one: far[other], other: far[one]}
        return replace(self, links={**self.without(one, other).links, **swapped})

    def tuned(self, jack: Jack, words: str) -> "Fabric":
        """Return the fabric with another width and speed at a port, such as `w=1 s=4 e=4`."""
        return replace(self, options={**self.options, jack: words})

    @property
    def peers(self) -> dict[Jack, Jack]:
        """Every linked port's other end."""
        return {**self.links, **{b: a for a, b in self.links.items()}}

    def text(self) -> str:
        """Return the fabric as ibsim's file has it; it wants each link at both of its ends."""
        return "\n".join(self._records())

    def _records(self) -> Iterator[str]:
        of: dict[str, list[tuple[int, Jack]]] = {name: [] for name in (*self.switches, *self.hcas)}
        for (name, port), peer in self.peers.items():
            of[name].append((port, peer))
        for kind, nodes in (("Switch", self.switches), ("Hca", self.hcas)):
            for name, ports in nodes.items():
                yield f'{kind} {ports} "{name}"'
                yield from (self._line(name, port, peer) for port, peer in sorted(of[name]))
                yield ""

    def _line(self, name: str, port: int, peer: Jack) -> str:
        words = self.options.get((name, port), _HDR)
        return f'[{port}] "{peer[0]}"[{peer[1]}] {words}'


def rails(*, units: int = 1, hosts: int = 2, indices: int = 8, spines: int = 2) -> Fabric:
    """Return a rail-optimised fabric: in each unit, one leaf an index, all leaves to all spines."""
    leaves = [f"leaf-{unit}-{index}" for unit in range(units) for index in range(indices)]
    return _with_spines(
        leaves,
        {
            (f"node-{unit}-{host} mlx5_{index}", 1): (f"leaf-{unit}-{index}", 1 + host)
            for unit in range(units)
            for host in range(hosts)
            for index in range(indices)
        },
        spines,
    )


def fat_tree(*, leaves: int = 2, hosts: int = 2, indices: int = 1, spines: int = 2) -> Fabric:
    """Return a fat tree: all HCAs of a host on one leaf, all leaves to all spines."""
    return _with_spines(
        [f"leaf-{leaf}" for leaf in range(leaves)],
        {
            (f"node-{leaf}-{host} mlx5_{index}", 1): (f"leaf-{leaf}", 1 + host * indices + index)
            for leaf in range(leaves)
            for host in range(hosts)
            for index in range(indices)
        },
        spines,
    )


def _with_spines(leaves: list[str], down: dict[Jack, Jack], spines: int) -> Fabric:
    """Return these leaves with what hangs on them, each linked to every spine."""
    first = 1 + max(port for _, port in down.values())
    up = {
        (leaf, first + spine): (f"spine-{spine}", 1 + number)
        for number, leaf in enumerate(leaves)
        for spine in range(spines)
    }
    switches = dict.fromkeys(leaves, first + spines - 1)
    return Fabric(
        switches=switches | {f"spine-{spine}": len(leaves) for spine in range(spines)},
        hcas={name: 1 for name, _ in down},
        links=down | up,
    )


class SimulatedFabric:
    """ibsim and opensm on a fabric, and a folder of tools that see nothing else."""

    def __init__(self, fabric: Fabric, *, subnet_manager: bool = True) -> None:
        """Describe it; the tools sit on the first HCA."""
        self._fabric = fabric
        self._manager = subnet_manager
        self._stack = ExitStack()
        self._console: int = -1
        self.root = Path()

    def __enter__(self) -> Self:
        """Start both, and wait until the subnet is up."""
        with ExitStack() as stack:
            self.root = stack.enter_context(private_directory("ibsim"))
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End both."""
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        (self.root / "net").write_text(self._fabric.text(), encoding="ascii")
        os.mkfifo(self.root / "console")
        self._console = os.open(self.root / "console", os.O_RDWR | os.O_CLOEXEC)
        stack.callback(os.close, self._console)
        self._wrap()
        # Without its console's other end open, ibsim would read end of file for ever.
        script = 'exec "$0" -s net <console'
        stack.enter_context(
            Process(["sh", "-c", script, _path("ibsim")], name="ibsim", env=self.environment,
                    cwd=self.root)
        )  # fmt: skip
        wait_until(self._answers, what="ibsim")
        if self._manager:
            opensm: list[str | Path] = [
                self.root / "bin/opensm",
                "-e",
                "-s",
                "1",
                "-f",
                self.root / "osm.log",
            ]
            stack.enter_context(Process(opensm, name="opensm", env=self.environment, cwd=self.root))
            wait_until(self._active, what="the subnet to be up")

    def _wrap(self) -> None:
        """Put each tool where a PATH finds it, made to see this fabric alone."""
        folder = self.root / "bin"
        folder.mkdir()
        first = next(iter(self._fabric.hcas))
        for name in (*_TOOLS, "opensm"):
            (folder / name).write_text(
                f"#!/bin/sh\ncd {self.root} || exit\nexport SIM_HOST='{first}'\n"
                f'exec {_path("ibsim-run")} {_path(name)} "$@"\n',
                encoding="utf-8",
            )
            (folder / name).chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        """What a program's environment needs so that its tools are ours."""
        return {
            "IBSIM_SOCKNAME": self.root.name,
            "OSM_TMP_DIR": str(self.root),
            "OSM_CACHE_DIR": str(self.root),
            "PATH": f"{self.root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        }

    def tool(self, name: str, *arguments: str) -> str:
        """Return what a tool prints."""
        done = subprocess.run(
            [self.root / "bin" / name, *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.stdout

    def _answers(self) -> bool:
        return "Port 1" in self.tool("ibstat")

    def _active(self) -> bool:
        return "State: Active" in self.tool("ibstat")

    def unlink(self, jack: Jack) -> None:
        """Pull the cable of a port."""
        self._say(f'Unlink "{jack[0]}"[{jack[1]}]')

    def relink(self, jack: Jack) -> None:
        """Put it back where it was."""
        self._say(f'ReLink "{jack[0]}"[{jack[1]}]')

    def link(self, one: Jack, other: Jack) -> None:
        """Join two ports that are linked to nothing."""
        self._say(f'Link "{one[0]}"[{one[1]}] "{other[0]}"[{other[1]}]')

    def lose(self, jack: Jack, percent: int) -> None:
        """Drop so many of the management packets at a port."""
        self._say(f'Error "{jack[0]}"[{jack[1]}] {percent}')

    def count(self, jack: Jack, counter: str, value: int) -> None:
        """Set a counter, such as `PortCounters.SymbolErrorCounter`."""
        self._say(f'PerformanceSet "{jack[0]}"[{jack[1]}] {counter}={value}')

    def _say(self, line: str) -> None:
        said = f"{line}\n".encode("ascii")
        if len(said) > _MOST_IN_A_LINE:
            raise ValueError(f"too long for ibsim's console: {line}")
        os.write(self._console, said)


def _path(name: str) -> str:
    found = command(name)
    if found is None:
        raise ProgramError(f"{name} missing: {remedy(PACKAGES)}")
    return found
