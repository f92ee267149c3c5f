"""`railwatch-bridge release`: take every trace of the bridge off nodes, and nothing else.

What is left is the node as it would be had the bridge never run. A running bridge would write it
all again, so the whole fleet is released only while none holds the Lease; single nodes may be
released under a running bridge, which then judges them anew.
"""

import time
from collections.abc import Iterator, Sequence
from typing import TextIO

from health_bridge.cluster.apply import ATTEMPTS, condition_patches, lock, main_patch
from health_bridge.cluster.device_rules import DeviceRules
from health_bridge.cluster.errors import Conflict, KubeError, Missing, Superseded
from health_bridge.cluster.kube import Kube, connect
from health_bridge.connection import Connection
from health_bridge.decision.nodes import Keys, Node
from health_bridge.decision.record import parse_time
from health_bridge.decision.steps import RemoveCondition, RemoveTaint, SetAnnotation, Step
from program.errors import ProgramError, UsageError
from program.flags import add_flags, build, parser


def traces(node: Node, keys: Keys) -> tuple[Step, ...]:
    """Return the steps that remove what is ours from a node; none where nothing is."""
    present = {
        keys.devices: node.devices,
        keys.owned: node.owned,
        keys.verified_boot: node.verified_boot,
    }
    return (
        *(SetAnnotation(key=key, value=None) for key, text in present.items() if text is not None),
        *(RemoveTaint(key=key) for key in sorted(keys.taints & {t.key for t in node.taints})),
        *(RemoveCondition(type=condition) for condition in sorted(node.conditions)),
    )


def release_node(kube: Kube, node: Node, keys: Keys) -> bool:
    """Remove our traces from a node; False where there were none.

    Both writes are locked, so a bridge that writes in between is noticed and undone too.
    """
    found = False
    for _ in range(ATTEMPTS):
        steps = traces(node, keys)
        if not steps:
            return found
        found = True
        try:
            node = _remove(kube, node, steps)
        except Conflict:
            node = kube.node(node.name)
    raise Superseded(f"node {node.name}: others wrote {ATTEMPTS} times in a row")


def _remove(kube: Kube, node: Node, steps: tuple[Step, ...]) -> Node:
    if any(not isinstance(step, RemoveCondition) for step in steps):
        node = kube.patch_node(node.name, main_patch(node, steps))
    conditions = condition_patches(steps, time.time())
    if conditions:
        patch = {**lock(node), "status": {"conditions": conditions}}
        node = kube.patch_status(node.name, patch)
    return node


def release(
    kube: Kube, connection: Connection, names: tuple[str, ...], *, everything: bool
) -> Iterator[str]:
    """Release nodes, and with `everything` the Lease; yield a line for each thing removed.

    ProgramError where a node cannot be released, or a bridge still runs.
    """
    if everything == bool(names):
        raise UsageError("name the nodes to release, or --all for every node")
    keys = Keys(prefix=connection.key_prefix)
    try:
        if everything:
            _refuse_while_led(kube, connection)
        for node in _nodes(kube, names):
            if release_node(kube, node, keys):
                yield f"released node {node.name}"
        if everything:
            yield from (f"removed rule {name}" for name in DeviceRules(kube).remove_all())
            kube.delete_lease(connection.lease_namespace, connection.lease_name)
            yield f"removed lease {connection.lease_namespace}/{connection.lease_name}"
    except Missing as error:
        raise ProgramError(f"{error}; nodes after it are not released") from None
    except KubeError as error:
        raise ProgramError(f"not all is released, run it again: {error}") from None


def _nodes(kube: Kube, names: tuple[str, ...]) -> list[Node]:
    return [kube.node(name) for name in names] if names else kube.nodes()


def _refuse_while_led(kube: Kube, connection: Connection) -> None:
    lease = kube.read_lease(connection.lease_namespace, connection.lease_name)
    if lease is None or not lease.holder:
        return
    try:
        age = time.time() - parse_time(lease.renewed)
    except ValueError:
        return
    if age < lease.seconds:
        raise ProgramError(
            f"{lease.holder} holds lease {connection.lease_namespace}/{connection.lease_name} and "
            f"would write again: stop it first, or wait {lease.seconds:g} s if it has crashed"
        )


def main(arguments: Sequence[str], out: TextIO) -> int:
    """Run the subcommand; the exit code is returned."""
    flags = parser("railwatch-bridge release", "Remove what the bridge has written on nodes.")
    add_flags(flags, Connection)
    flags.add_argument(
        "--all", action="store_true", help="every node of the cluster, and the Lease"
    )
    flags.add_argument("nodes", metavar="NODE", nargs="*", help="a node to release")
    parsed = flags.parse_args(arguments)
    connection = build(Connection, parsed)
    kube = connect(connection)
    for line in release(kube, connection, tuple(parsed.nodes), everything=parsed.all):
        print(line, file=out)
    return 0
