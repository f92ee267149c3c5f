"""What the worker of the topology family works on, cycle after cycle."""

from collections.abc import Callable, Mapping
from pathlib import Path

from exporters.errors import Absent, ReadingError
from exporters.files import read
from exporters.topology.lldp import Neighbor, read_neighbors
from exporters.topology.lldp_frames import Listener
from exporters.topology.nics import Nics, read_nics
from exporters.topology.roles import Declared, read_declared
from exporters.topology.view import Heard, Topology, look

_NOT_ASKED = "neither --lldp.file nor --lldp.listen is given"


class Node:
    """The node: its trees, and who its cables lead to."""

    def __init__(
        self,
        *,
        sysfs: str,
        procfs: str,
        roles_file: str,
        lldp_file: str,
        listen: Callable[[], Listener] | None,
    ) -> None:
        """Take where to read; `listen` begins to hear LLDP frames, where that is asked for."""
        self._sysfs, self._procfs = Path(sysfs), Path(procfs)
        self._roles_file = roles_file
        self._lldp_file = lldp_file
        self._listen = listen
        self._listener: Listener | None = None
        self._found = Nics(nics=())
        self._heard = Heard(reason=_NOT_ASKED)

    def begin(self) -> None:
        """Begin a cycle: list the NICs anew, and know nothing of their neighbours."""
        self._found = read_nics(self._sysfs)
        self._heard = Heard(reason=_NOT_ASKED)

    def hear(self) -> Heard:
        """Return the neighbours; of those in the file and on the wire, the wire is newer.

        Absent where nobody asked for them; what failed of either is the reason.
        """
        if not (self._lldp_file or self._listen):
            raise Absent(_NOT_ASKED)
        problems: list[str] = []
        told = self._told(problems)
        frames = self._frames(problems)
        self._heard = Heard(
            neighbors={**told, **frames.neighbors} if frames else told,
            silent=frames.silent() if frames else {},
            reason="; ".join(problems),
        )
        return self._heard

    def _told(self, problems: list[str]) -> Mapping[str, Neighbor]:
        try:
            return read_neighbors(self._lldp_file) if self._lldp_file else {}
        except ReadingError as error:
            problems.append(str(error))
            return {}

    def _frames(self, problems: list[str]) -> Listener | None:
        try:
            if self._listen and self._listener is None:
                self._listener = self._listen()
        except ReadingError as error:
            problems.append(str(error))
        if self._listener:
            self._listener.listen(filter(self._has_link, self._wires()))
        return self._listener

    def _wires(self) -> list[str]:
        ports = (port for nic in self._found.nics for port in nic.ports)
        return [wire for port in ports if port.has_lldp for wire in port.wires]

    def _has_link(self, netdev: str) -> bool:
        try:
            return read(self._sysfs / "class/net" / netdev / "carrier") == "1"
        except ReadingError:
            return False

    def look(self) -> Topology:
        """Return the topology; what the roles file says wrongly is Unreadable, and costs it all.

        Told roles that are not the owner's, the scheduler would place jobs by them.
        """
        declared = read_declared(self._roles_file) if self._roles_file else Declared()
        return look(self._sysfs, self._procfs, self._found, declared, self._heard)
