"""`railwatch-bridge forget-source`: a Prometheus that is gone for good vouches for no node now.

Recovery needs proof from every source that a node's record names. One that was retired, or whose
URL changed, would block it for ever; no absence tells that from an outage, so a person says it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TextIO

from health_bridge.cluster.apply import ATTEMPTS, lock
from health_bridge.cluster.errors import Conflict, KubeError, Missing, Superseded
from health_bridge.cluster.kube import Kube, connect
from health_bridge.connection import Connection
from health_bridge.decision.nodes import Keys, Node
from health_bridge.decision.record import Owned, read_record
from program.access import shown
from program.errors import ProgramError
from program.flags import add_flags, build, parser


@dataclass(slots=True, kw_only=True)
class Forgetting:
    """One source being forgotten on every node, and what was found on the way."""

    kube: Kube
    keys: Keys
    source: str
    dry_run: bool
    others: set[str] = field(default_factory=set)
    """The sources that stay, on any node."""

    def run(self) -> Iterator[str]:
        """Yield a line a node, then the sum; ProgramError where not all could be done."""
        changed = 0
        try:
            for node in self.kube.nodes():
                if self._forget(node):
                    changed += 1
                    yield f"{self._says('forgot', 'would forget')} {self.source} on {node.name}"
        except KubeError as error:
            raise ProgramError(f"not every node is done, run it again: {error}") from None
        yield self._sum(changed)

    def _sum(self, changed: int) -> str:
        if changed:
            nodes = "node" if changed == 1 else "nodes"
            return f"{self.source}: {self._says('forgotten', 'to forget')} on {changed} {nodes}"
        known = f"; they name {', '.join(sorted(self.others))}" if self.others else ""
        return f"{self.source}: no node names it{known}"

    def _says(self, done: str, planned: str) -> str:
        return planned if self.dry_run else done

    def _forget(self, node: Node) -> bool:
        """Take the source out of a node's record; False where it is not in it, or no node is."""
        try:
            for _ in range(ATTEMPTS):
                try:
                    return self._once(node)
                except Conflict:
                    node = self.kube.node(node.name)
        except Missing:
            return False
        raise Superseded(f"node {node.name}: others wrote {ATTEMPTS} times in a row")

    def _once(self, node: Node) -> bool:
        owned = read_record(node.devices, node.owned).owned
        self.others |= {*owned.sources} - {self.source}
        if self.source not in owned.sources:
            return False
        if not self.dry_run:
            kept = tuple(each for each in owned.sources if each != self.source)
            self._write(node, replace(owned, sources=kept))
        return True

    def _write(self, node: Node, owned: Owned) -> None:
        patch = lock(node)
        text = None if owned == Owned() else owned.dump()
        patch["metadata"]["annotations"] = {self.keys.owned: text}
        self.kube.patch_node(node.name, patch)


def main(arguments: Sequence[str], out: TextIO) -> int:
    """Run the subcommand; the exit code is returned."""
    flags = parser(
        "railwatch-bridge forget-source",
        "Recovery no longer waits for the word of a Prometheus that is gone for good.",
        "A bridge that still reads from the source names it again: take its --prometheus.url away "
        "first.",
    )
    add_flags(flags, Connection)
    flags.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    flags.add_argument("source", metavar="SOURCE", help="its URL, as --prometheus.url named it")
    parsed = flags.parse_args(arguments)
    connection = build(Connection, parsed)
    forgetting = Forgetting(
        kube=connect(connection),
        keys=Keys(prefix=connection.key_prefix),
        source=shown(parsed.source.rstrip("/")),
        dry_run=parsed.dry_run,
    )
    for line in forgetting.run():
        print(line, file=out)
    return 0
