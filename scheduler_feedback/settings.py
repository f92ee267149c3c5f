"""Every setting of railwatch-scheduler, with its default and its flag."""

from dataclasses import dataclass

from catalog.wire import PREFIX
from program.flags import at_least, flag, key_prefix
from scheduler_feedback.share.names import Names, Resource

DEFAULT_ADDRESS = ":9412"
POLICIES = ("binpack", "spread", "fragmentation", "none")
"""How a node is chosen among those that are equally healthy."""


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not 0 < rate <= 100:  # noqa: PLR2004 - what a kube-apiserver bears
        raise ValueError(f"{text} is not between 0 and 100 evictions a second")
    return rate


def site_tier(text: str) -> int:
    """Return the number of a tier, or -1 for none."""
    tier = int(text)
    if not -1 <= tier < 8:  # noqa: PLR2004 - as many tiers as labels are read for
        raise ValueError(f"{text} is not a tier from 0 to 7, or -1")
    return tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """A node label, and its values in the order in which nodes are used; all others come last."""

    label: str = ""
    order: tuple[str, ...] = ()


def read_pools(text: str) -> Pools:
    """Return the pools that `LABEL=FIRST,SECOND` names."""
    label, equals, listed = text.partition("=")
    order = tuple(listed.split(","))
    if not label or not equals or not all(order) or len(set(order)) < len(order):
        raise ValueError(f"{text!r} is not LABEL=FIRST,SECOND with each value once")
    return Pools(label=label, order=order)


def read_resource(text: str) -> Resource:
    """Return the resource that `NAME` or `NAME=UNIT` names."""
    name, equals, unit = text.partition("=")
    if not name or (equals and not (unit.isascii() and unit.isdigit() and int(unit[:9]) > 0)):
        raise ValueError(f"{text!r} is not NAME or NAME=UNIT with a unit above zero")
    return Resource(name=name, unit=int(unit[:9]) if equals else 1)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementSettings(Connection):
    """How nodes are chosen beyond their health, and what shares of GPUs are called."""

    placement: bool = flag(
        "placement",
        default=True,
        help="among nodes of sound hardware prefer the pool, the gang's neighbours and the "
        "policy's best; needs to read pods and namespaces",
    )
    placement_policy: str = flag(
        "placement.policy",
        default=POLICIES[2],
        choices=POLICIES,
        help="what is preferred where neither pod nor namespace says it",
    )
    pools: Pools = flag(  # noqa: RUF009 - declares a field, as all here
        "pools",
        default=Pools(),
        metavar="LABEL=FIRST,SECOND",
        parse=read_pools,
        help="a node label, and its values in the order in which nodes are used",
    )
    share: bool = flag(
        "share", default=False, help="bind pods that ask for shares of GPUs, and choose their GPUs"
    )
    share_milli: Resource = flag(  # noqa: RUF009 - declares a field, as all here
        "share.milli-resource",
        default=Names().milli,
        metavar="NAME[=MILLI]",
        parse=read_resource,
        help="resource that shares of a GPU are asked by, and how many thousandths one of it is",
    )
    share_memory: Resource = flag(  # noqa: RUF009 - declares a field, as all here
        "share.memory-resource",
        default=Names().memory,
        metavar="NAME[=MIB]",
        parse=read_resource,
        help="resource that GPU memory is asked by, and how many MiB one of it is",
    )
    share_count: str = flag(
        "share.count-resource",
        default="",
        metavar="NAME",
        help="resource of a node that says how many GPUs it shares; "
        "empty: as many as make up its thousandths",
    )
    share_annotation: str = flag(
        "share.annotation",
        default=Names().annotation,
        metavar="KEY",
        help="annotation that pods are bound with, which says what GPUs they have",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(PlacementSettings):
    """What the daemon's own flags say."""

    key_prefix: str = flag(
        "key-prefix",
        default=PREFIX,
        metavar="PREFIX",
        parse=key_prefix,
        help="prefix of the taints and annotations that the bridge writes",
    )
    stale_after: float = flag(
        "cache.stale-after",
        default=60.0,
        metavar="DURATION",
        parse=at_least(2),
        help="without word from the kube-apiserver for so long, the filter passes every node",
    )
    drain: bool = flag(
        "drain", default=False, help="evict the pods of nodes that the bridge has tainted drain"
    )
    drain_interval: float = flag(
        "drain.interval",
        default=5.0,
        metavar="DURATION",
        parse=at_least(0.1),
        help="how often the drainer looks again at a node it is draining",
    )
    drain_rate: float = flag(
        "drain.rate",
        default=2.0,
        metavar="EVICTIONS",
        parse=_rate,
        help="most evictions a second, over the whole cluster",
    )
    drain_bare_pods: bool = flag(
        "drain.bare-pods",
        default=False,
        help="evict also pods without a controller, which nothing will create again",
    )
    drain_longest_checkpoint: float = flag(
        "drain.longest-checkpoint",
        default=1800.0,
        metavar="DURATION",
        parse=at_least(0),
        help="a pod that wants to be given longer than this to save its state is given this",
    )
    lease_duration: float = flag(
        "lease.duration",
        default=15.0,
        metavar="DURATION",
        parse=at_least(1),
        help="how long the Lease outlives its holder's last word",
    )
    gangs: bool = flag(
        "gangs",
        default=True,
        help="place the pods that wait at the gate railwatch.io/gang, a gang at a time",
    )
    gang_interval: float = flag(
        "gangs.interval",
        default=2.0,
        metavar="DURATION",
        parse=at_least(0.1),
        help="how often waiting gangs are looked at though nothing has changed",
    )
    gang_patience: float = flag(
        "gangs.patience",
        default=600.0,
        metavar="DURATION",
        parse=at_least(1),
        help="after waiting so long, a gang that does not fit has room kept for it",
    )
    gang_bind_within: float = flag(
        "gangs.bind-within",
        default=120.0,
        metavar="DURATION",
        parse=at_least(1),
        help="a gang that was let go and is not bound by then is rolled back",
    )
    gang_site_tier: int = flag(
        "gangs.site-tier",
        default=-1,
        metavar="N",
        parse=site_tier,
        help="the tier whose domains are sites, which no gang straddles unless it says it may; "
        "-1: there are none",
    )
