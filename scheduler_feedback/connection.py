"""How every part of the program reaches the kube-apiserver."""

from dataclasses import dataclass

from program.flags import flag


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach the kube-apiserver."""

    kubeconfig: str = flag(
        "kubeconfig",
        default="",
        metavar="FILE",
        help="how to reach the kube-apiserver; empty: as the pod this program runs in",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Access):
    """How to reach the kube-apiserver, and the one object there that is ours."""

    lease_namespace: str = flag(
        "lease.namespace",
        default="railwatch",
        metavar="NAMESPACE",
        help="namespace of the Lease that elects the drainer",
    )
    lease_name: str = flag(
        "lease.name",
        default="railwatch-scheduler",
        metavar="NAME",
        help="name of the Lease that elects the drainer",
    )
