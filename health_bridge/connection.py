"""The settings that the daemon and its subcommands share: how to reach the kube-apiserver."""

from dataclasses import dataclass

from catalog.wire import PREFIX
from program.flags import at_least, flag, key_prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach the kube-apiserver, and the one object there that is not a node."""

    kubeconfig: str = flag(
        "kubeconfig",
        default="",
        metavar="FILE",
        help="how to reach the kube-apiserver; empty: as the pod this program runs in",
    )
    lease_namespace: str = flag(
        "lease.namespace",
        default="railwatch",
        metavar="NAMESPACE",
        help="namespace of the Lease that elects the replica that writes",
    )
    lease_name: str = flag(
        "lease.name",
        default="railwatch-bridge",
        metavar="NAME",
        help="name of the Lease that elects the replica that writes",
    )
    key_prefix: str = flag(
        "key-prefix",
        default=PREFIX,
        metavar="PREFIX",
        parse=key_prefix,
        help="prefix of the taints and annotations on the nodes",
    )
    timeout: float = flag(
        "timeout",
        default=10.0,
        metavar="DURATION",
        parse=at_least(0.1),
        help="longest wait for one answer of a source or of the kube-apiserver",
    )
